import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { type Hello, NOTHING } from '../../src/core/protocols.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { type Beacon, beaconHead, covers, maskOf, stateText, withSignatures } from '../../src/core/trust/beacon.ts'
import { beaconJson, parseBeacon, signBeacon } from '../../src/wire/beacon.ts'
import { type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { decodeHead, decodeVectorEntry, encodeHead, encodeVectorEntry } from '../../src/wire/head.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { delegationOf, keyOf, MESH, NOW, rootOf, targetsOf } from '../fixtures/documents.ts'

const hash = (digit: string) => digit.repeat(64)
const head = { role: 'acme', epoch: 2, version: 7, hash: hash('a'), rival: undefined }
const BEACON: Beacon = {
  ...{ mesh: MESH, counter: 495_000, time: 495_000 * 3_600_000, rootVersion: 3, rootHash: hash('3') },
  vector: { targetsVersion: 4, targetsHash: hash('4'), heads: [head, { ...head, role: 'tools', rival: hash('b') }] },
}
const documentFailure = expect.objectContaining({ code: 'E_DOCUMENT' })

describe('a beacon (clause BEACON 2)', () => {
  it('reads back what was written, also of a mesh without publishers', () => {
    const empty = { ...BEACON, vector: { targetsVersion: 0, targetsHash: undefined, heads: [] } }
    for (const beacon of [BEACON, empty]) {
      const document = signBeacon(beacon, keyOf('one'))
      expect(document.signed).toEqual(beacon)
      expect(parseBeacon(document.raw)).toEqual(document)
    }
  })

  it('names the rotation of a role that changed its own keys, and nothing of one that did not', () => {
    const vector = { ...BEACON.vector, heads: [{ ...head, rotation: 255 }] }
    const document = signBeacon({ ...BEACON, vector }, keyOf('one'))
    expect(document.signed.vector).toEqual(vector)
    expect(Object.keys((beaconJson(BEACON).heads as JsonObject[])[0] as JsonObject)).not.toContain('rotation')
    expect(covers({ rootVersion: 3, vector: BEACON.vector }, document.signed)).toBe(false)
    const later = { ...BEACON.vector, heads: [{ ...head, rotation: 255, version: 8 }] }
    expect(covers({ rootVersion: 3, vector: later }, document.signed)).toBe(true)
    expect(stateText({ ...BEACON, vector })).not.toBe(stateText({ ...BEACON, vector: { ...vector, heads: [head] } }))
    const wrong = {
      ...beaconJson(BEACON),
      heads: [{ ...(jsonOf(document.signedBytes).heads as JsonObject[])[0], rotation: 0 }],
    }
    expect(() => parseBeacon(encodeSigned(wrong as never, [keyOf('one')]))).toThrow(documentFailure)
  })

  it('is the same bytes by whoever signs the same', () => {
    expect(signBeacon(BEACON, keyOf('one')).hash).toBe(signBeacon({ ...BEACON }, keyOf('two')).hash)
    expect(signBeacon({ ...BEACON, counter: 1, time: 3_600_000 }, keyOf('one')).hash).not.toBe(
      signBeacon(BEACON, keyOf('one')).hash,
    )
  })

  it('keeps fields that a newer pimesh put into it', () => {
    const document = parseBeacon(encodeSigned({ ...beaconJson(BEACON), later: 1 }, [keyOf('one')]))
    expect([document.signed, jsonOf(document.signedBytes).later]).toEqual([BEACON, 1])
  })

  it('merges signatures into the canonical form, in whatever order they come (clause DOC 3)', () => {
    const names = ['one', 'two', 'three', 'four']
    const whole = parseBeacon(encodeSigned(beaconJson(BEACON), names.map(keyOf)))
    fc.assert(
      fc.property(fc.shuffledSubarray(names, { minLength: names.length }), (order) => {
        const signatures = order.flatMap((name) => signBeacon(BEACON, keyOf(name)).signatures)
        expect(withSignatures(signBeacon(BEACON, keyOf('one')), signatures)).toEqual(whole)
      }),
      { numRuns: 20 },
    )
  })

  it('fits its bound with 64 roles, both sides of each, and all keys', () => {
    const heads = Array.from({ length: limits.delegatedRoles }, (_, at) => ({
      ...{
        role: `${'r'.repeat(30)}${String(at).padStart(2, '0')}`,
        epoch: 2 ** 31 - 1,
        rotation: 255,
        version: 2 ** 31 - 1,
      },
      ...{ hash: hash('a'), rival: hash('b') },
    }))
    const full = { ...BEACON, vector: { ...BEACON.vector, heads } }
    const names = Array.from({ length: limits.beaconKeys }, (_, at) => keyOf(`key ${at}`))
    expect(encodeSigned(beaconJson(full), names).length).toBeLessThanOrEqual(limits.beaconBytes)
  })

  const without = (key: string) => {
    const { [key]: _, ...rest } = beaconJson(BEACON)
    return rest
  }
  it.each<[string, JsonObject]>([
    ['of another type', { ...beaconJson(BEACON), _type: 'timestamp' }],
    ...['mesh', 'counter', 'time', 'root', 'heads'].map((key): [string, JsonObject] => [
      `without ${key}`,
      without(key),
    ]),
    ['with counter 0', { ...beaconJson(BEACON), counter: 0 }],
    ['with a time that is none', { ...beaconJson(BEACON), time: 'noon' }],
    ['with a role twice', beaconJson({ ...BEACON, vector: { ...BEACON.vector, heads: [head, head] } })],
    [
      'with a role that cannot be',
      beaconJson({ ...BEACON, vector: { ...BEACON.vector, heads: [{ ...head, role: 'beacon' }] } }),
    ],
    ['with an unknown field of a head', { ...beaconJson(BEACON), heads: [{ ...head, rival: hash('b'), more: 1 }] }],
  ])('is refused %s', (_, json) => {
    expect(() => parseBeacon(encodeSigned(json, [keyOf('one')]))).toThrow(documentFailure)
  })
})

describe('what a beacon vouches for (clause BEACON 9)', () => {
  const held = (changes: Partial<Beacon['vector']> = {}, rootVersion = 3) => ({
    rootVersion,
    vector: { ...BEACON.vector, ...changes },
  })
  it.each([
    ['the same', held(), true],
    ['a newer root', held({}, 4), true],
    ['an older root', held({}, 2), false],
    ['older targets', held({ targetsVersion: 3 }), false],
    [
      'a newer version of a role',
      held({
        heads: [
          { ...head, version: 8 },
          { ...head, role: 'tools' },
        ],
      }),
      true,
    ],
    [
      'a newer epoch of a role',
      held({
        heads: [
          { ...head, epoch: 3, version: 1 },
          { ...head, role: 'tools' },
        ],
      }),
      true,
    ],
    [
      'an older version of a role',
      held({
        heads: [
          { ...head, version: 6 },
          { ...head, role: 'tools' },
        ],
      }),
      false,
    ],
    ['nothing of a role', held({ heads: [head] }), false],
    ['nothing of a role that newer targets dropped', held({ targetsVersion: 5, heads: [head] }), true],
  ])('%s is held', (_, state, covered) => {
    expect(covers(state, BEACON)).toBe(covered)
  })

  it('is one text for each state', () => {
    const states = [BEACON, { ...BEACON, rootVersion: 4 }, { ...BEACON, vector: held({ heads: [head] }).vector }]
    expect(new Set(states.map(stateText)).size).toBe(3)
    expect(stateText({ ...BEACON, counter: 9 } as Beacon)).toBe(stateText(BEACON))
  })
})

describe('a head of a beacon (clause BEACON 6)', () => {
  const role = { keyIds: ['one', 'two', 'three'].map((name) => keyOf(name).keyId), threshold: 2 }

  it('has a bit for each key that signed, and no place in a version vector', () => {
    const document = parseBeacon(encodeSigned(beaconJson(BEACON), ['three', 'one', 'stranger'].map(keyOf)))
    expect(maskOf(document, role)).toBe(0b101)
    const named = beaconHead(document, role)
    expect(named).toEqual({ role: 'beacon', epoch: 5, version: 495_000, hash: document.hash })
    expect(decodeHead(encodeHead(named))).toEqual(named)
    const entry = encodeVectorEntry({ ...named, rival: undefined })
    expect(() => decodeVectorEntry(entry)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL' }))
  })
})

describe('beacons in messages (clauses HELLO 1 and SYNC 2)', () => {
  const hello: Hello = {
    ...{ rootVersion: 3, rootHash: hash('3'), zone: '/a', serves: true, addresses: [], contacts: [] },
    ...{ yours: undefined, vector: EMPTY_VECTOR },
  }
  const named = { role: 'beacon', epoch: 3, version: 495_000, hash: hash('c') }

  it('come back as they were sent', () => {
    const message = { protocol: 'hello', body: { ...hello, beacons: [named, { ...named, epoch: 1 }] } } as const
    expect(decodeRequest('hello', encodeRequest(message))).toEqual(message)
    const question = { protocol: 'sync', body: { type: 'beacons' } } as const
    expect(decodeRequest('sync', encodeRequest(question))).toEqual(question)
    const beacons = ['one', 'two'].map((name) => signBeacon(BEACON, keyOf(name)))
    const answer = { protocol: 'sync', body: { ...NOTHING, beacons } } as const
    expect(decodeResponse('sync', encodeResponse(answer))).toEqual(answer)
  })

  it('are none of a pimesh that knows none', () => {
    const plain = { protocol: 'hello', body: hello } as const
    expect(decodeRequest('hello', encodeRequest(plain))).toEqual(plain)
    expect(encodeRequest({ protocol: 'hello', body: { ...hello, beacons: [] } })).toEqual(encodeRequest(plain))
  })

  it('are not the heads of publishers, and not more than there can be', () => {
    const refused = expect.objectContaining({ code: 'E_PROTOCOL' })
    const of = (beacons: Hello['beacons'] & object) => encodeRequest({ protocol: 'hello', body: { ...hello, beacons } })
    expect(() => decodeRequest('hello', of([{ ...named, role: 'acme' }]))).toThrow(refused)
    const many = of(Array.from({ length: 20 }, () => named))
    expect((decodeRequest('hello', many) as { body: Hello }).body.beacons).toHaveLength(limits.beaconKeys + 1)
  })
})

describe('the beacon role (clause BEACON 1)', () => {
  const root = rootOf({})
  const keyIds = [keyOf('root').keyId, keyOf('enrol').keyId]
  const parse = (json: JsonObject) => parseRoot(encodeSigned(json, [keyOf('root')])).signed

  it('is optional in a root, and so is its period', () => {
    for (const changes of [{}, { beaconPeriod: 10 * SECOND }]) {
      const terms = { ...root, ...changes, roles: { ...root.roles, beacon: { keyIds, threshold: 2 } } }
      expect(parse(rootJson(terms))).toEqual(terms)
    }
  })

  it.each([
    ['a period of 9 s', { beacon: { period: 9 } }],
    ['a period of more than a week', { beacon: { period: 604_801 } }],
    ['a period that is none', { beacon: { period: 'hour' } }],
  ])('refuses %s', (_, changes) => {
    expect(() => parse({ ...rootJson(root), ...changes })).toThrow(documentFailure)
  })

  it('has at most 8 keys', () => {
    const names = Array.from({ length: limits.beaconKeys + 1 }, (_, at) => keyOf(`key ${at}`))
    const keys = new Map([...root.keys, ...names.map(({ keyId, publicKey }) => [keyId, publicKey] as const)])
    const of = (count: number) => {
      const beacon = { keyIds: names.slice(0, count).map(({ keyId }) => keyId), threshold: 1 }
      return rootJson({ ...root, keys, roles: { ...root.roles, beacon } })
    }
    expect(parse(of(limits.beaconKeys)).roles.beacon?.keyIds).toHaveLength(limits.beaconKeys)
    expect(() => parse(of(limits.beaconKeys + 1))).toThrow('at most 8 keys')
  })
})

describe('whenStale of a role (clause TARGETS)', () => {
  it('is optional, and strict', () => {
    for (const whenStale of ['refuse', 'warn'] as const) {
      const role = delegationOf({ whenStale })
      expect(targetsOf({ roles: [role] }).signed.roles).toEqual([role])
    }
    expect(targetsOf().signed.roles[0]).not.toHaveProperty('whenStale')
    for (const whenStale of ['panic', '', 'REFUSE'])
      expect(() => targetsOf({ roles: [delegationOf({ whenStale: whenStale as 'warn' })] })).toThrow(documentFailure)
  })

  it('belongs to no role called "beacon"', () => {
    const keys = new Map([[keyOf('publisher').keyId, keyOf('publisher').publicKey]])
    const json = targetsJson({ version: 1, expires: NOW, keys, roles: [delegationOf({ name: 'beacon' })] })
    expect(() => parseTargets(encodeSigned(json, [keyOf('targets')]))).toThrow(documentFailure)
  })
})
