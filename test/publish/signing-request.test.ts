// Signing requests (clause REQUEST 1 to 5): every order of key holders, every refusal, and that nothing in one can be changed unnoticed.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { DAY } from '../../src/core/limits.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { describeRequest } from '../../src/publish/describe-request.ts'
import {
  addSignature,
  encodeRequest,
  makeRequest,
  missingSignatures,
  nextText,
  readRequest,
  requireComplete,
  type SigningRequest,
} from '../../src/publish/signing-request.ts'
import { announcementJson } from '../../src/wire/announcement.ts'
import { canonicalBytes, type Json, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { rootJson } from '../../src/wire/root.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import { parseRequest } from '../../src/wire/signing-request.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import {
  announcementOf,
  delegationOf,
  env,
  flips,
  keyOf,
  MESH,
  NOW,
  ROOT,
  releaseOf,
  rootOf,
  signRoot,
  targetsOf,
} from '../fixtures/documents.ts'

const HOLDERS = ['ada', 'bob', 'cyd']
const mesh = { root: ROOT, roots: [ROOT] }
const targets = targetsOf({ keys: HOLDERS, roles: [delegationOf({ by: HOLDERS, threshold: 2 })] })
const previous = announcementOf({ by: ['ada', 'cyd'] })
const id = (name: string) => keyOf(name).keyId
const short = (name: string) => id(name).slice(0, 16)
const failure = (code: FailureCode, text = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })

function announcement(
  terms: { version?: number; expires?: number; path?: string; epoch?: number } = {},
): SigningRequest {
  const { version = 2, expires = NOW + DAY, path = 'acme/map', epoch = 1 } = terms
  const releases = { 'acme/agent': releaseOf(), [path]: releaseOf({ counter: 7 }) }
  const signed = announcementJson({ mesh: MESH, role: 'acme', epoch, version, expires }, releases)
  return makeRequest(mesh, { kind: 'announcement', signed, targets, previous }, NOW)
}

const signedBySome = (request: SigningRequest, ...names: string[]) =>
  names.reduce((so, name) => addSignature(so, keyOf(name), NOW), request)
/** Over a stick. */
const carried = (request: SigningRequest) => readRequest(encodeRequest(request), 'it')

describe('an announcement that 2 of 3 sign', () => {
  it.each(HOLDERS.flatMap((first) => HOLDERS.filter((name) => name !== first).map((second) => [first, second])))(
    'is complete after %s and %s, and holds on every node',
    (first, second) => {
      const once = carried(addSignature(announcement(), keyOf(first), NOW))
      expect(missingSignatures(once)).toMatchObject([{ count: 1, of: HOLDERS.filter((one) => one !== first).map(id) }])
      expect(() => requireComplete(once, 'it')).toThrow(failure('E_SIGNATURES', '1 more of the role "acme" is needed'))
      const twice = carried(addSignature(once, keyOf(second), NOW))
      expect(missingSignatures(twice)).toEqual([])
      requireComplete(twice, 'it')
      const role = targets.signed.roles[0]!
      expect(signedBy(twice.document, targets.signed.keys, role, env)).toBe(true)
    },
  )

  it('may have the third signature as well, and ends in the same bytes in every order', () => {
    const orders = [HOLDERS, HOLDERS.toReversed()].map((names) => encodeRequest(signedBySome(announcement(), ...names)))
    expect(orders[0]).toEqual(orders[1])
  })

  it('names those who have not signed', () => {
    const none = announcement()
    expect(nextText(none)).toBe(
      `2 more of the role "acme" are needed, by 2 of the keys ${HOLDERS.map(short).join(', ')}`,
    )
    expect(nextText(signedBySome(none, 'ada', 'bob'))).toBe('all signatures are there')
  })
})

describe('a signature is refused', () => {
  it('by a key that is not in the role', () => {
    expect(() => addSignature(announcement(), keyOf('eve'), NOW)).toThrow(
      failure('E_KEY', `${short('eve')} is not one of the role "acme": sign with one of ${short('ada')}`),
    )
  })

  it('by a key that has signed', () => {
    const once = signedBySome(announcement(), 'bob')
    expect(() => addSignature(once, keyOf('bob'), NOW)).toThrow(failure('E_KEY', 'has signed it already'))
  })

  it('when what it is for, or what that rests on, has expired', () => {
    const request = announcement()
    const late = (now: number) => () => addSignature(request, keyOf('ada'), now)
    expect(late(NOW + DAY)).toThrow(failure('E_REQUEST', 'it expired on 2026-07-02; prepare a new one'))
    expect(() => announcement({ expires: NOW })).toThrow(failure('E_REQUEST', 'it expired'))
    const long = announcement({ expires: NOW + 1_000 * DAY })
    expect(() => addSignature(long, keyOf('ada'), NOW + 366 * DAY)).toThrow(
      failure('E_REQUEST', 'the root document expired on 2027-07-01; renew that first'),
    )
  })
})

describe('a request that does not hold is refused', () => {
  /** A file that says anything, with the SHA-256 that belongs to it. */
  function forged(change: (content: JsonObject) => void, request = signedBySome(announcement(), 'ada')): Uint8Array {
    const { sha256: _, ...content } = jsonOf(encodeRequest(request))
    change(content)
    return canonicalBytes({ ...content, sha256: sha256Hex(canonicalBytes(content)) })
  }
  const refused = (text: string, change: (content: JsonObject) => void, request?: SigningRequest) =>
    expect(() => readRequest(forged(change, request), 'it')).toThrow(
      failure('E_REQUEST', `it is damaged or was altered (${text}`),
    )
  const signedPart = (content: JsonObject) => (content.document as JsonObject).signed as JsonObject

  it('with another target than the one that was signed', () => {
    refused(`the signature of ${short('ada')} does not cover what is to be signed`, (content) => {
      const target = (signedPart(content).targets as JsonObject)['acme/agent'] as JsonObject
      ;(target.custom as JsonObject).to = 'cpus >= 1'
    })
    const other = releaseOf({ counter: 8 })
    refused(`the signature of ${short('ada')} does not cover`, (content) => {
      const frame = { mesh: MESH, role: 'acme', epoch: 1, version: 2, expires: NOW + DAY }
      ;(content.document as JsonObject).signed = announcementJson(frame, { 'acme/agent': other })
    })
  })

  it('with a signature of a key that does not count', () => {
    refused(`it is signed by ${short('eve')}, which is no key of the role "acme"`, (content) => {
      const [signature] = jsonOf(encodeSigned(signedPart(content), [keyOf('eve')])).signatures as Json[]
      ;((content.document as JsonObject).signatures as Json[]).push(signature as Json)
    })
  })

  it('with documents of another mesh, or that the mesh did not sign', () => {
    const own = signRoot(rootOf({ root: ['eve'], enrol: ['eve'] }), ['eve'])
    refused('its targets document is not signed by this mesh', (content) => {
      content.targets = jsonOf(targetsOf({ by: ['eve'], keys: HOLDERS, roles: [...targets.signed.roles] }).raw)
    })
    refused('it is for another mesh or role', (content) => {
      content.roots = [jsonOf(own.raw)]
    })
    refused('its roots do not hold', (content) => {
      content.roots = [jsonOf(ROOT.raw), jsonOf(signRoot(rootOf({ version: 2, root: ['eve'] }), ['eve']).raw)]
    })
    refused('its roots are not in order', (content) => {
      content.roots = [jsonOf(ROOT.raw), jsonOf(ROOT.raw)]
    })
    refused('the announcement before it is not signed by its role', (content) => {
      content.previous = jsonOf(announcementOf({ by: ['ada'] }).raw)
    })
  })

  it('that goes beyond the role, or is not newer', () => {
    expect(() => announcement({ path: 'other/map' })).toThrow(failure('E_REQUEST', 'may not announce "other/map"'))
    expect(() => announcement({ version: 1 })).toThrow(failure('E_REQUEST', 'its version is not above 1'))
    expect(() => announcement({ epoch: 2 })).toThrow(failure('E_REQUEST', 'the role is in epoch 1'))
    refused('its targets document has no role "acme"', (content) => {
      content.targets = jsonOf(targetsOf({ roles: [delegationOf({ name: 'other' })] }).raw)
    })
  })

  it('that is no such file, of a newer pimesh, or has fields that do not belong there', () => {
    const parsed = (change: (content: JsonObject) => void) => () => parseRequest(forged(change))
    expect(parsed((content) => (content.format = 2))).toThrow(failure('E_DOCUMENT', 'it is of a newer pimesh'))
    expect(parsed((content) => (content.kind = 'invite'))).toThrow(failure('E_DOCUMENT'))
    expect(parsed((content) => (content.more = 1))).toThrow(failure('E_DOCUMENT', '"more" is unknown'))
    expect(parsed((content) => (content.roots = []))).toThrow(failure('E_DOCUMENT', 'roots'))
    expect(parsed((content) => delete content.targets)).toThrow(failure('E_DOCUMENT', 'targets'))
    expect(parsed((content) => (content._type = 'invite'))).toThrow(failure('E_DOCUMENT'))
    expect(() => parseRequest(new Uint8Array(5 << 20))).toThrow(failure('E_DOCUMENT', 'more than'))
  })

  it('with any byte changed', () => {
    const request = signedBySome(announcement(), 'ada')
    let tried = 0
    for (const changed of flips(encodeRequest(request))) {
      if (tried++ % 7 !== 0) continue
      expect(() => readRequest(changed, 'it')).toThrow(failure('E_REQUEST'))
    }
    expect(tried).toBeGreaterThan(10_000)
  })

  it('with any value changed by somebody who corrects its SHA-256, or says nothing else than before', () => {
    const request = signedBySome(announcement(), 'ada')
    const paths = [...leaves(jsonOf(encodeRequest(request)), [])].filter(([first]) => first !== 'sha256')
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(), (path, seed) => {
        const bytes = forged((content) => change(content, path, seed), request)
        try {
          const { document } = readRequest(bytes, 'it')
          return Buffer.compare(document.signedBytes, request.document.signedBytes) === 0
        } catch (error) {
          return (error as { code?: string }).code === 'E_REQUEST'
        }
      }),
      { numRuns: 200 },
    )
  })
})

/** Ways to every value in a JSON value that has none in it. */
function* leaves(json: Json, way: string[]): Generator<string[]> {
  if (typeof json !== 'object' || json === null) yield way
  else for (const [key, value] of Object.entries(json)) yield* leaves(value, [...way, key])
}

function change(json: Json, [first = '', ...rest]: readonly string[], seed: number): void {
  const parent = json as JsonObject
  if (rest.length > 0) return change(parent[first] as Json, rest, seed)
  const old = parent[first]
  if (typeof old === 'number') parent[first] = old + 1 + (seed % 5)
  else if (typeof old === 'boolean') parent[first] = !old
  else {
    const text = String(old)
    const at = seed % text.length
    parent[first] = `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`
  }
}

describe('root and targets documents', () => {
  const nextRoot = (terms: Parameters<typeof rootOf>[0] = {}) =>
    makeRequest(mesh, { kind: 'root', signed: rootJson(rootOf({ version: 2, root: ['new', 'next'], ...terms })) }, NOW)

  it('a root needs the keys of the one before it, and its own', () => {
    const request = nextRoot({ threshold: 2 })
    expect(missingSignatures(request)).toMatchObject([
      { name: 'the root keys of version 1', count: 1, of: [id('root')] },
      { name: 'the root keys of version 2', count: 2, of: [id('new'), id('next')] },
    ])
    const old = carried(signedBySome(request, 'root', 'new'))
    expect(missingSignatures(old)).toMatchObject([{ name: 'the root keys of version 2', count: 1, of: [id('next')] }])
    expect(() => addSignature(old, keyOf('ada'), NOW)).toThrow(failure('E_KEY'))
    expect(missingSignatures(signedBySome(old, 'next'))).toEqual([])
  })

  it('a root that skips a version is refused', () => {
    expect(() => nextRoot({ version: 3 })).toThrow(
      failure('E_REQUEST', 'its root has version 3, and 2 is the next one'),
    )
  })

  it('a root may be renewed after it has expired, targets only under a root that has not', () => {
    const late = NOW + 366 * DAY
    const signed = rootJson({ ...rootOf({ version: 2 }), issued: late, expires: late + DAY })
    expect(makeRequest(mesh, { kind: 'root', signed }, late).kind).toBe('root')
    const next = targetsJson({ ...targets.signed, version: 2, expires: late + DAY })
    expect(() => makeRequest(mesh, { kind: 'targets', signed: next, previous: targets }, late)).toThrow(
      failure('E_REQUEST', 'the root document expired'),
    )
  })

  it('targets are of the epoch that the root names, and the first of one is above those before it (clause ROOT 9)', () => {
    const signed = targetsJson({ ...targets.signed, version: 2, epoch: 2 })
    expect(() => makeRequest(mesh, { kind: 'targets', signed, previous: targets }, NOW)).toThrow(
      failure('E_REQUEST', 'it is of epoch 2, and the root is in epoch 1 of targets'),
    )
    const root = signRoot({ ...rootOf({ version: 2 }), targetsEpoch: 2 }, ['root'])
    const raised = { root, roots: [...mesh.roots, root] }
    const request = makeRequest(raised, { kind: 'targets', signed, previous: targets }, NOW)
    expect(describeRequest(request).facts).toContainEqual(['epoch', '2'])
    const old = targetsJson({ ...targets.signed, version: 2 })
    expect(() => makeRequest(raised, { kind: 'targets', signed: old, previous: targets }, NOW)).toThrow(
      failure('E_REQUEST', 'it is of epoch 1, and the root is in epoch 2 of targets'),
    )
    const next = rootJson({ ...root.signed, version: 3, targetsEpoch: 3 })
    const lines = describeRequest(makeRequest(raised, { kind: 'root', signed: next }, NOW)).changes
    expect(lines).toMatchObject([{ what: 'changed', name: 'role "targets"' }])
    expect(lines[0]?.facts).toContainEqual(['epoch', '2 -> 3'])
  })

  it('targets are signed by the role "targets" of the newest root', () => {
    const signed = targetsJson({ ...targets.signed, version: 2 })
    const request = makeRequest(mesh, { kind: 'targets', signed, previous: targets }, NOW)
    expect(missingSignatures(request)).toMatchObject([{ name: 'the role "targets"', count: 1 }])
    expect(missingSignatures(carried(signedBySome(request, 'targets')))).toEqual([])
    const stranger = targetsOf({ by: ['eve'] })
    expect(() => makeRequest(mesh, { kind: 'targets', signed, previous: stranger }, NOW)).toThrow(
      failure('E_REQUEST', 'the targets document before it is not signed by this mesh'),
    )
  })
})

describe('in plain words', () => {
  it('an announcement says what is new, changed and gone, and what stays', () => {
    const to = 'zone.startsWith("/uk")'
    const before = announcementOf({
      by: ['ada', 'bob'],
      releases: { 'acme/agent': releaseOf(), 'acme/old': releaseOf(), 'acme/same': releaseOf() },
    })
    const releases = { 'acme/agent': releaseOf({ counter: 2, to }), 'acme/same': releaseOf(), 'acme/new': releaseOf() }
    const frame = { mesh: MESH, role: 'acme', epoch: 1, version: 2, expires: NOW + DAY }
    const signed = { ...announcementJson(frame, releases), later: 'field' }
    const said = describeRequest(makeRequest(mesh, { kind: 'announcement', signed, targets, previous: before }, NOW))
    expect(said.title).toBe('announcement of the role "acme", version 2')
    expect(Object.fromEntries(said.facts)).toMatchObject({ mesh: MESH, follows: 'version 1', epoch: '1' })
    expect(said.changes.map(({ what, name }) => `${what} ${name}`)).toEqual([
      ...['changed acme/agent', 'new acme/new', 'removed acme/old'],
    ])
    const [agent, fresh] = said.changes.map(({ facts }) => Object.fromEntries(facts))
    expect(agent).toMatchObject({ counter: '1 -> 2', for: `true -> ${to}`, 'installs as': 'agent, which may be run' })
    expect(fresh).toMatchObject({ 'SHA-256': releaseOf().artifact.hash, size: '10 bytes', for: 'true' })
    expect(said.unchanged).toEqual(['acme/same'])
    expect(said.notes).toEqual(['it sets the field "later", which this version of pimesh does not understand'])
  })

  it('targets say which publishers come, go and change, with keys, thresholds, paths and epochs', () => {
    const roles = [
      delegationOf({ by: ['ada', 'eve'], threshold: 1, epoch: 2 }),
      delegationOf({ name: 'lab', by: ['bob'], paths: ['lab/*'] }),
    ]
    const next = targetsOf({ version: 2, keys: ['ada', 'bob', 'eve'], roles })
    const signed = jsonOf(next.signedBytes)
    const said = describeRequest(makeRequest(mesh, { kind: 'targets', signed, previous: targets }, NOW))
    expect(said.title).toBe('targets document, version 2')
    expect(said.changes.map(({ what, name }) => `${what} ${name}`)).toEqual(['changed role "acme"', 'new role "lab"'])
    expect(Object.fromEntries(said.changes[0]!.facts)).toMatchObject({
      keys: `${HOLDERS.map(short).join(', ')} -> ${short('ada')}, ${short('eve')}`,
      needs: '2 of 3 keys -> 1 of 2 keys',
      epoch: '1 -> 2',
      announces: 'acme/*',
    })
    expect(Object.fromEntries(said.changes[1]!.facts)).toMatchObject({ announces: 'lab/*', needs: '1 of 1 keys' })
  })

  it('a root says whose keys change, and that memberships are voided', () => {
    const enrolment = { epoch: 2, zones: new Map([[id('site'), '/uk']]) }
    const root = rootOf({
      version: 2,
      root: ['root', 'new'],
      threshold: 2,
      enrol: ['site'],
      retired: ['enrol'],
      enrolment,
    })
    const base = rootJson(root)
    const signed = { ...base, roles: { ...(base.roles as JsonObject), beacon: { keyids: [id('site')], threshold: 1 } } }
    const said = describeRequest(makeRequest(mesh, { kind: 'root', signed }, NOW))
    expect(said.changes.map(({ what, name }) => `${what} ${name}`)).toEqual([
      ...['new role "beacon"', 'changed role "enrol"', 'changed role "root"', 'changed enrolment'],
    ])
    expect(said.unchanged).toEqual(['role "targets"'])
    expect(Object.fromEntries(said.changes.at(-1)!.facts)).toEqual({
      epoch: '1 -> 2',
      'retired keys': `none -> ${short('enrol')}`,
      confined: `no key -> ${short('site')} to /uk`,
    })
  })
})
