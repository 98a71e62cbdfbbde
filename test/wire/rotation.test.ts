// Rotations inside an announcement: their form, what binds them to it, and their bounds (clause ROTATION 1).
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { type RotationDocument, TOMBSTONE } from '../../src/core/trust/rotations.ts'
import { parseAnnouncement, withRelease, withRotations } from '../../src/wire/announcement.ts'
import { type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { announcementOf, keyOf, MESH, NOW, releaseOf } from '../fixtures/documents.ts'
import { rotatedBy, rotatedJson, rotationOf } from '../fixtures/rotations.ts'

const documentFailure = expect.objectContaining({ code: 'E_DOCUMENT' })
const FIRST = rotationOf({ number: 1, to: ['a', 'b'], threshold: 2, by: ['publisher'] })
const END = rotationOf({ number: 2, to: [] })
const TERMS = { mesh: MESH, role: 'acme', epoch: 1, version: 2, expires: NOW }

/** An announcement with one rotation after a change of its JSON. */
function changed(change: (rotation: { signed: JsonObject; signatures: JsonObject[] }) => void, from = FIRST) {
  const json = jsonOf(from.raw) as { signed: JsonObject; signatures: JsonObject[] }
  change(json)
  const signed = { ...rotatedJson([]), rotations: [json] } as JsonObject
  return () => parseAnnouncement(encodeSigned(signed, [keyOf('a')]))
}

const reading =
  (rotations: RotationDocument[], terms: Parameters<typeof rotatedBy>[1] = {}) =>
  () =>
    rotatedBy(rotations, terms)

describe('rotations of an announcement (clause ROTATION 1)', () => {
  it('read back as they were written, with what they come to', () => {
    const document = rotatedBy([FIRST], { by: ['a', 'b'] })
    expect(document.signed).toMatchObject({ rotation: 1, rotations: [FIRST] })
    expect(parseAnnouncement(document.raw)).toEqual(document)
    const ended = rotatedBy([FIRST, END], { releases: {} })
    expect(ended.signed).toMatchObject({ rotation: TOMBSTONE, rotations: [FIRST, END], releases: [] })
    const plain = announcementOf({})
    expect(['rotation', 'rotations'].some((name) => name in plain.signed)).toBe(false)
  })

  it('are carried on by what is published next, whatever it changes', () => {
    const document = rotatedBy([FIRST], { by: ['a', 'b'] })
    const next = (json: JsonObject): AnnouncementDocument => parseAnnouncement(encodeSigned(json, [keyOf('a')]))
    const released = next(withRelease(document, TERMS, { path: 'acme/map', release: releaseOf() }))
    expect(released.signed).toMatchObject({ rotation: 1, rotations: [FIRST], version: 2 })
    const ended = next(withRotations(released, { ...TERMS, version: 3 }, [FIRST, END]))
    expect(ended.signed).toMatchObject({ rotation: TOMBSTONE, releases: [] })
    const rotated = next(
      withRotations(released, { ...TERMS, version: 3 }, [FIRST, rotationOf({ number: 2, to: ['c'] })]),
    )
    expect(rotated.signed.releases).toEqual(released.signed.releases)
    expect(next(withRotations(undefined, TERMS, [FIRST])).signed).toMatchObject({ rotation: 1, releases: [] })
  })

  it('are read up to as many as there may be', () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, at) => rotationOf({ number: at + 1, to: [`k${at}`], by: ['publisher'] }))
    expect(rotatedBy(chain(limits.rotations)).signed.rotation).toBe(limits.rotations)
    expect(reading(chain(limits.rotations + 1))).toThrow(documentFailure)
  })

  it.each<[string, () => unknown]>([
    ['none at all', reading([])],
    ['a gap', reading([FIRST, rotationOf({ number: 3, to: ['c'] })])],
    ['the first one twice', reading([FIRST, FIRST])],
    ['no beginning', reading([rotationOf({ number: 2, to: ['c'] })])],
    ['T23 one of another role', reading([rotationOf({ number: 1, to: ['a'], role: 'other' })])],
    ['T23 one of another mesh', reading([rotationOf({ number: 1, to: ['a'], mesh: 'ab'.repeat(32) })])],
    ['T23 one of another epoch', reading([rotationOf({ number: 1, to: ['a'], epoch: 2 })])],
    [
      'one after the end',
      reading([rotationOf({ number: 1, to: [] }), rotationOf({ number: 2, to: ['a'] })], { releases: {} }),
    ],
    ['an end that still has releases', reading([FIRST, END])],
    ['a signed end', reading([rotationOf({ number: 1, to: [], by: ['publisher'] })], { releases: {} })],
    ['fewer keys than signatures are needed', changed(({ signed }) => Object.assign(signed, { threshold: 3 }))],
    ['keys of which none has to sign', changed(({ signed }) => Object.assign(signed, { threshold: 0 }))],
    [
      'no keys of which one has to sign',
      changed(({ signed }) => Object.assign(signed, { threshold: 1, keys: {}, keyids: [] })),
    ],
    [
      'a keyid twice',
      changed(({ signed }) => Object.assign(signed, { keyids: Array(2).fill((signed.keyids as string[])[0]) })),
    ],
    [
      'a key that is not named',
      changed(({ signed }) => Object.assign(signed, { threshold: 1, keyids: [(signed.keyids as string[])[0]] })),
    ],
    ['an end that names a keyid', changed(({ signed }) => Object.assign(signed, { threshold: 0, keys: {} }))],
    ['another type', changed(({ signed }) => Object.assign(signed, { _type: 'targets' }))],
    ['an unknown field', changed(({ signed }) => Object.assign(signed, { more: 1 }))],
    ['a number beyond the last', changed(({ signed }) => Object.assign(signed, { number: 9 }))],
    ['two signatures of one key', changed(({ signatures }) => signatures.push(signatures[0] as JsonObject))],
  ])('are refused with %s', (_what, read) => {
    expect(read).toThrow(documentFailure)
  })
})
