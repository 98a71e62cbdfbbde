import { Metadata, MetadataKind } from '@tufjs/models'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signedBy } from '../../src/core/trust/roots.ts'
import { verifyStrict } from '../../src/keys/ed25519.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned, keyIdOf } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { keyOf, NOW, ROOT, rootOf, signRoot, targetsOf } from '../fixtures/documents.ts'

/** Parses a signed root after a change of its JSON. */
function changed(change: (signed: JsonObject) => void): () => unknown {
  const signed = rootJson(rootOf({ retired: ['old'] }))
  change(signed)
  return () => parseRoot(encodeSigned(signed, [keyOf('root')]))
}

const inside = (signed: JsonObject, key: string) => signed[key] as JsonObject

describe('the root document (clause ROOT)', () => {
  it('reads back what was written', () => {
    const zones = new Map([[keyOf('enrol').keyId, '/uk']])
    const root = rootOf({ root: ['a', 'b', 'c'], threshold: 2, retired: ['old'], enrolment: { epoch: 7, zones } })
    const document = signRoot(root, ['a', 'c'])
    expect(document.signed).toEqual(root)
    expect(parseRoot(document.raw)).toEqual(document)
    expect(document.signatures.map(({ keyId }) => keyId)).toEqual(
      [keyOf('a').keyId, keyOf('c').keyId].sort((a, b) => (a < b ? -1 : 1)),
    )
  })

  it('names the epoch of the targets only where it is not the first (clause ROOT 9)', () => {
    const read = (targetsEpoch?: number) =>
      signRoot({ ...rootOf({}), ...(targetsEpoch === undefined ? {} : { targetsEpoch }) }, ['root'])
    expect(read(3).signed.targetsEpoch).toBe(3)
    expect(read().signed.targetsEpoch).toBeUndefined()
    expect(Buffer.from(read().raw).toString()).not.toContain('"targets":{"epoch"')
    for (const epoch of [0, -1, 1.5, '2', 2 ** 31])
      expect(() =>
        parseRoot(encodeSigned({ ...rootJson(rootOf({})), targets: { epoch } } as never, [keyOf('root')])),
      ).toThrow()
    expect(targetsOf({ epoch: 3 }).signed.epoch).toBe(3)
    expect(Buffer.from(targetsOf().raw).toString()).not.toContain('"epoch":1,"expires"')
  })

  it('keeps fields and roles that it does not know', () => {
    const signed = { ...rootJson(rootOf({})), later: { more: ['things'] } }
    inside(signed, 'roles').later = { keyids: [keyOf('root').keyId], threshold: 1 }
    const document = parseRoot(encodeSigned(signed, [keyOf('root')]))
    expect(jsonOf(document.raw).signed).toEqual(signed)
    expect(document.signed).toEqual(rootOf({}))
  })

  it.each<[string, (signed: JsonObject) => void]>([
    ['another type', (s) => Object.assign(s, { _type: 'targets' })],
    ['another TUF', (s) => Object.assign(s, { spec_version: '2.0.0' })],
    ['version 0', (s) => Object.assign(s, { version: 0 })],
    ['a negative version', (s) => Object.assign(s, { version: -3 })],
    ['a version beyond 2^31-1', (s) => Object.assign(s, { version: 2 ** 31 })],
    ['a date that is none', (s) => Object.assign(s, { expires: 'not a date' })],
    ['an end before the beginning', (s) => Object.assign(s, { expires: s.issued })],
    ['consistent snapshots', (s) => Object.assign(s, { consistent_snapshot: true })],
    ['no enrol role', (s) => delete inside(s, 'roles').enrol],
    ['no enrolment', (s) => delete s.enrol],
    ['enrol threshold 2', (s) => Object.assign(inside(inside(s, 'roles'), 'enrol'), { threshold: 2 })],
    ['a threshold that cannot be met', (s) => Object.assign(inside(inside(s, 'roles'), 'root'), { threshold: 2 })],
    ['threshold 0', (s) => Object.assign(inside(inside(s, 'roles'), 'root'), { threshold: 0 })],
    ['a role of unknown keys', (s) => Object.assign(inside(inside(s, 'roles'), 'root'), { keyids: ['00'.repeat(32)] })],
    ['an unknown field of a role', (s) => Object.assign(inside(inside(s, 'roles'), 'root'), { more: 1 })],
    ['a retired key that enrols', (s) => Object.assign(inside(s, 'enrol'), { retired: [keyOf('enrol').keyId] })],
    [
      'a zone of a key that does not enrol',
      (s) => Object.assign(inside(s, 'enrol'), { zones: { [keyOf('root').keyId]: '/uk' } }),
    ],
    ['a zone that is none', (s) => Object.assign(inside(s, 'enrol'), { zones: { [keyOf('enrol').keyId]: 'uk' } })],
    ['epoch 0', (s) => Object.assign(inside(s, 'enrol'), { epoch: 0 })],
  ])('refuses %s', (_, change) => {
    expect(changed(change)).toThrow(expect.objectContaining({ code: 'E_DOCUMENT' }))
  })

  it('T09 one key under two ids: a keyid that is not the hash of its key is refused', () => {
    const alias = (signed: JsonObject) => {
      inside(signed, 'keys')['ab'.repeat(32)] = inside(signed, 'keys')[keyOf('root').keyId] as JsonObject
    }
    expect(changed(alias)).toThrow('keyid')
    expect(changed(() => undefined)()).toBeDefined()
  })

  it('T22 refuses too many or repeated signatures before any crypto', () => {
    const { signed, signatures } = jsonOf(ROOT.raw) as { signed: JsonObject; signatures: JsonObject[] }
    const fake = (i: number) => ({ keyid: i.toString(16).padStart(64, '0'), sig: '00'.repeat(64) })
    const many = Array.from({ length: 17 }, (_, i) => fake(i))
    expect(() => parseRoot(canonicalBytes({ signed, signatures: many }))).toThrow('at most 16')
    expect(() => parseRoot(canonicalBytes({ signed, signatures: [...signatures, ...signatures] }))).toThrow('same key')
    expect(() => parseRoot(canonicalBytes({ signed, signatures: [{ ...signatures[0], more: 1 }] }))).toThrow('unknown')
    expect(() => parseRoot(canonicalBytes({ signed, signatures, more: 1 }))).toThrow('unknown')
  })
})

describe('beside @tufjs/models, an independent reader of TUF documents', () => {
  const names = ['a', 'b', 'c', 'd']
  const roleKeys = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 })

  it('a root means the same and its signatures count the same', () => {
    const cases = fc.record({ keys: roleKeys, threshold: fc.integer({ min: 1, max: 4 }), by: fc.subarray(names) })
    fc.assert(
      fc.property(cases, ({ keys, threshold, by }) => {
        const root = rootOf({ root: keys, threshold: Math.min(threshold, keys.length) })
        const signed = rootJson(root)
        const dummy = { keyids: [keyOf('targets').keyId], threshold: 1 }
        Object.assign(inside(signed, 'roles'), { snapshot: dummy, timestamp: dummy })
        const document = parseRoot(encodeSigned(signed, by.map(keyOf)))
        const theirs = Metadata.fromJSON(MetadataKind.Root, jsonOf(document.raw) as never)
        const ours = signedBy(document, document.signed.keys, document.signed.roles.root, { verifyStrict })
        expect(ours).toBe(accepts(() => theirs.verifyDelegate('root', theirs)))
        expect(theirs.signed.version).toBe(document.signed.version)
        expect(Object.keys(theirs.signed.keys).sort()).toEqual([...document.signed.keys.keys()].sort())
        expect(Date.parse(theirs.signed.expires)).toBe(document.signed.expires)
      }),
      { numRuns: 40 },
    )
  })

  it('targets mean the same (clause TARGETS)', () => {
    const publisher = keyOf('publisher')
    const keys = new Map([[publisher.keyId, publisher.publicKey]])
    const role = {
      name: 'acme',
      keyIds: [publisher.keyId],
      threshold: 1,
      paths: ['acme/*'],
      terminating: true,
      epoch: 1,
    }
    const targets = { version: 3, expires: NOW, keys, roles: [role] }
    const document = parseTargets(encodeSigned(targetsJson(targets), [keyOf('targets')]))
    expect(document.signed).toEqual(targets)
    const theirs = Metadata.fromJSON(MetadataKind.Targets, jsonOf(document.raw) as never)
    const [name, their] = Object.entries(theirs.signed.delegations?.roles ?? {})[0] ?? []
    expect([name, their?.keyIDs, their?.threshold, their?.paths]).toEqual(['acme', role.keyIds, 1, role.paths])
    const former = targetsJson({ ...targets, formerEpoch: 7 })
    expect(parseTargets(encodeSigned(former, [keyOf('targets')])).signed.formerEpoch).toBe(7)
    for (const formerEpoch of [0, -1, '7', null])
      expect(() => parseTargets(encodeSigned({ ...former, formerEpoch }, [keyOf('targets')]))).toThrow('formerEpoch')
    const twice = targetsJson({ ...targets, roles: [role, role] })
    expect(() => parseTargets(encodeSigned(twice, [keyOf('targets')]))).toThrow('same name')
  })
})

it('a keyid is the SHA-256 of the canonical key object (clause KEY 2)', () => {
  expect(keyIdOf(new Uint8Array(32))).toBe('7f7373360bc914a5d4a7bd87711615178beb6cf52494fcc49082ec65ba62908c')
})

function accepts(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}
