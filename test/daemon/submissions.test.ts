// What publishers on this machine hand in: bytes first, then the announcement that names them.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
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

/** Imports and submissions that end when the test says so. */
function slowStand() {
  const [forgotten, handedIn]: [string[], number[]] = [[], []]
  const imports: PromiseWithResolvers<Uint8Array>[] = []
  const answers: PromiseWithResolvers<'oldVersion' | undefined>[] = []
  const submissions = new Submissions({
    artifacts: {
      import: () => waits(imports),
      forget: async (hash: string) => void forgotten.push(hash),
    } as Partial<Artifacts> as Artifacts,
    driver: {
      submit: (_announcement, _targets, imported) => {
        handedIn.push(imported.length)
        return waits(answers)
      },
    },
    linked: () => 1,
    has: () => false,
    known: () => false,
  })
  const brought = async () => {
    const done = bring(submissions)
    imports.at(-1)?.resolve(LIST)
    await done
  }
  return { submissions, forgotten, handedIn, imports, answers, brought }
}

function waits<T>(list: PromiseWithResolvers<T>[]): Promise<T> {
  const one = Promise.withResolvers<T>()
  list.push(one)
  return one.promise
}

describe('two publishers of the same bytes', () => {
  it('keep them for the second when the first is refused', async () => {
    const { submissions, forgotten, handedIn, answers, brought } = slowStand()
    await brought()
    await brought()
    const first = failure(submissions.submit(body))
    answers[0]?.resolve('oldVersion')
    await first
    expect(forgotten).toEqual([])
    const second = submissions.submit(body)
    answers[1]?.resolve(undefined)
    await second
    await submissions.close()
    expect({ forgotten, handedIn }).toEqual({ forgotten: [], handedIn: [1, 1] })
  })

  it('keep them when the first is refused while the second still brings them', async () => {
    const { submissions, forgotten, handedIn, imports, answers, brought } = slowStand()
    await brought()
    const brings = bring(submissions)
    const first = failure(submissions.submit(body))
    answers[0]?.resolve('oldVersion')
    await first
    imports[1]?.resolve(LIST)
    await brings
    expect(forgotten).toEqual([])
    const second = failure(submissions.submit(body))
    answers[1]?.resolve('oldVersion')
    await second
    expect({ forgotten, handedIn }).toEqual({ forgotten: [encoding.hash], handedIn: [1, 1] })
  })

  it('leave to the mesh what the first announced, whatever becomes of the second', async () => {
    const { submissions, forgotten, handedIn, answers, brought } = slowStand()
    await brought()
    await brought()
    const first = submissions.submit(body)
    answers[0]?.resolve(undefined)
    await first
    const second = failure(submissions.submit(body))
    answers[1]?.resolve('oldVersion')
    await second
    expect({ forgotten, handedIn }).toEqual({ forgotten: [], handedIn: [1, 0] })
  })
})

describe('bytes that wait', () => {
  it('are not removed for want of an announcement while one is being judged', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { submissions, forgotten, answers, brought } = slowStand()
    await brought()
    const submitted = submissions.submit(body)
    await vi.advanceTimersByTimeAsync(2 * limits.importWait)
    expect(forgotten).toEqual([])
    answers[0]?.resolve(undefined)
    await submitted
    await vi.advanceTimersByTimeAsync(2 * limits.importWait)
    expect(forgotten).toEqual([])
  })

  it('go when their announcement never comes', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { forgotten, brought } = slowStand()
    await brought()
    await vi.advanceTimersByTimeAsync(limits.importWait)
    expect(forgotten).toEqual([encoding.hash])
  })

  it('have so many places and no more, also when all come at once', async () => {
    const { submissions, imports } = slowStand()
    const other = (at: number) => ({ ...encoding, hash: at.toString(16).padStart(64, '0') })
    const importOf = (at: number) => submissions.import(other(at), nothing(), new AbortController().signal)
    const taken = Array.from({ length: limits.importsWaiting }, (_, at) => importOf(at))
    expect((await failure(importOf(limits.importsWaiting))).message).toContain('too many artifacts wait')
    imports[0]?.reject(new Error('the client is gone'))
    await taken[0]?.catch(() => undefined)
    const next = importOf(limits.importsWaiting)
    for (const one of imports) one.resolve(LIST)
    await Promise.all([...taken.slice(1), next])
    expect(imports).toHaveLength(limits.importsWaiting + 1)
    await submissions.close()
  })
})
