// What publishers on this machine hand in: bytes first, then the announcement that names them.
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import { Submissions } from '../../src/daemon/submissions.ts'
import type { Artifacts } from '../../src/ports/artifacts.ts'
import { ArtifactFailure } from '../../src/ports/disk-failure.ts'
import { announcementOf } from '../fixtures/documents.ts'

const document = announcementOf()
const [release] = document.signed.releases
const encoding = release?.encodings[0] as Encoding
const body = { announcement: new TextDecoder().decode(document.raw), targets: null }
const LIST = new Uint8Array(32)

function stand(
  options: { linked?: number; refused?: 'oldVersion'; known?: boolean; whole?: boolean; importFails?: Error } = {},
) {
  const [forgotten, submitted]: [string[], number[]] = [[], []]
  let taken = 0
  const artifacts = {
    import: () => {
      taken += 1
      return options.importFails === undefined ? Promise.resolve(LIST) : Promise.reject(options.importFails)
    },
    forget: async (hash: string) => void forgotten.push(hash),
  } as Partial<Artifacts> as Artifacts
  const submissions = new Submissions({
    artifacts,
    driver: {
      submit: async (_announcement, _targets, imported) => {
        submitted.push(imported.length)
        return options.refused
      },
    },
    linked: () => options.linked ?? 2,
    has: () => options.whole === true,
    known: () => options.known === true,
  })
  return { submissions, forgotten, submitted, taken: () => taken }
}

async function* nothing(): AsyncIterable<Uint8Array> {}
const bring = (submissions: Submissions) => submissions.import(encoding, nothing(), new AbortController().signal)

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (error instanceof Failure) return error
  throw new Error(`no failure, but ${String(error)}`)
}

describe('a submission', () => {
  it('comes with the bytes that were brought before, and keeps them when it is in force', async () => {
    const { submissions, forgotten, submitted } = stand()
    await bring(submissions)
    expect(await submissions.submit(body)).toMatchObject({ role: document.signed.role, linked: 2 })
    await submissions.close()
    expect({ forgotten, submitted }).toEqual({ forgotten: [], submitted: [1] })
  })

  it('that is refused takes its bytes away again and says why', async () => {
    const { submissions, forgotten } = stand({ refused: 'oldVersion' })
    await bring(submissions)
    const { code, message } = await failure(submissions.submit(body))
    expect(code).toBe('E_ANNOUNCEMENT')
    expect(message).toContain('oldVersion')
    expect(forgotten).toEqual([encoding.hash])
  })

  it('that is refused does not take away what the node holds anyway', async () => {
    const { submissions, forgotten } = stand({ refused: 'oldVersion', known: true })
    await bring(submissions)
    await failure(submissions.submit(body))
    expect(forgotten).toEqual([])
  })

  it('takes bytes that are announced already and that this peer does not have', async () => {
    const announcedOnly = stand({ known: true })
    await bring(announcedOnly.submissions)
    const here = stand({ known: true, whole: true })
    await bring(here.submissions)
    expect([announcedOnly.taken(), here.taken()]).toEqual([1, 0])
  })

  it('of bytes that never got their announcement leaves nothing', async () => {
    const { submissions, forgotten } = stand()
    await bring(submissions)
    await submissions.close()
    expect(forgotten).toEqual([encoding.hash])
  })

  it('is refused before it is read when nobody is linked', async () => {
    const { submissions, submitted } = stand({ linked: 0 })
    expect((await failure(bring(submissions))).code).toBe('E_NO_MEMBER')
    expect((await failure(submissions.submit(body))).code).toBe('E_NO_MEMBER')
    expect(submitted).toEqual([])
  })

  it('names what the disk lacks', async () => {
    const full = new ArtifactFailure({ code: 'diskFull', missing: 1_234 }, 'full')
    const { code, message } = await failure(bring(stand({ importFails: full }).submissions))
    expect(code).toBe('E_DISK_FULL')
    expect(message).toContain('1234 bytes')
  })

  it('that does not parse is one sentence', async () => {
    const { submissions } = stand()
    expect((await failure(submissions.submit({ announcement: '{', targets: null }))).code).toBe('E_DOCUMENT')
  })
})
