// A role that changes its own keys, or ends itself, as a node judges it (clause ROTATION): what counts, in which order, and at which cost.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Env } from '../../../src/core/env.ts'
import { limits } from '../../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'
import { headOf, isNews, Registers, type Terms } from '../../../src/core/trust/registers.ts'
import { TOMBSTONE } from '../../../src/core/trust/rotations.ts'
import { announcementOf, delegationOf, env, keyOf, MESH, NOW, releaseOf, targetsOf } from '../../fixtures/documents.ts'
import { rotatedBy, rotationOf } from '../../fixtures/rotations.ts'
import { World } from './announcing-world.ts'

const TARGETS = targetsOf()
const known = new Map<string, boolean>()

/** Counts what it is asked for; each signature is really checked once. */
function termsOf(targets = TARGETS): { terms: Terms; checks: () => number } {
  let checks = 0
  const verifyStrict: Env['verifyStrict'] = (key, message, signature) => {
    checks += 1
    const id = [key, message, signature].map((bytes) => Buffer.from(bytes).toString('hex')).join()
    const answer = known.get(id) ?? env.verifyStrict(key, message, signature)
    known.set(id, answer)
    return answer
  }
  const [delegation] = targets.signed.roles
  return { terms: { mesh: MESH, delegation, keys: targets.signed.keys, env: { verifyStrict } }, checks: () => checks }
}

const { terms } = termsOf()

function filled(...documents: AnnouncementDocument[]): Registers {
  const registers = new Registers([])
  for (const document of documents) if (isNews(registers.judge(document, terms))) registers.take(document)
  return registers
}

const first = rotationOf({ number: 1, to: ['next'], by: ['publisher'] })
const second = rotationOf({ number: 2, to: ['a', 'b'], threshold: 2, by: ['next'] })
const stolen = rotationOf({ number: 1, to: ['thief'], by: ['publisher'] })
/** What the delegated key signed, with another signature of it under the same keyid. */
const altered = {
  ...stolen,
  raw: Buffer.from(
    Buffer.from(stolen.raw)
      .toString()
      .replace(/"sig":"../, '"sig":"00'),
  ),
}
const OLD = announcementOf({ version: 9 })
const ROTATED = rotatedBy([first], { version: 2, by: ['next'] })
const TWICE = rotatedBy([first, second], { version: 1, by: ['a', 'b'] })
const END = rotatedBy([first, rotationOf({ number: 2, to: [] })], { version: 1, by: ['next'], releases: {} })

describe('a chain of rotations (clause ROTATION 2)', () => {
  it.each([
    ['the key that it names', ROTATED, 'newer'],
    ['T09 the key that it took out', rotatedBy([first], { version: 2, by: ['publisher'] }), 'badSignature'],
    ['the threshold of the second one', TWICE, 'newer'],
    ['T09 one key less than the second one wants', rotatedBy([first, second], { by: ['a'] }), 'badSignature'],
    [
      'T09 one key of the second one and a stranger',
      rotatedBy([first, second], { by: ['a', 'thief'] }),
      'badSignature',
    ],
    ['the keys before a tombstone', END, 'newer'],
    ['a stranger', rotatedBy([first], { by: ['thief'] }), 'badSignature'],
  ])('makes an announcement count that is signed by %s, or not', (_by, document, standing) => {
    expect(new Registers([]).judge(document, terms)).toBe(standing)
  })

  it.each([
    ['signed by who is not delegated', [rotationOf({ number: 1, to: ['thief'], by: ['thief'] })]],
    ['T01 with a signature that was altered', [altered]],
    ['signed by nobody', [rotationOf({ number: 1, to: ['thief'], by: [] })]],
    [
      'with its second signed by the delegated key',
      [first, rotationOf({ number: 2, to: ['thief'], by: ['publisher'] })],
    ],
  ])('%s holds nothing up', (_name, rotations) => {
    expect(new Registers([]).judge(rotatedBy(rotations, { by: ['thief'] }), terms)).toBe('badSignature')
  })

  it('T09 of a role that needs two is not begun by one of its keys', () => {
    const targets = targetsOf({ keys: ['a', 'b'], roles: [delegationOf({ by: ['a', 'b'], threshold: 2 })] })
    const alone = rotatedBy([rotationOf({ number: 1, to: ['thief'], by: ['a'] })], { by: ['thief'] })
    const both = rotatedBy([rotationOf({ number: 1, to: ['next'], by: ['a', 'b'] })], { by: ['next'] })
    const judged = [alone, both].map((document) => new Registers([]).judge(document, termsOf(targets).terms))
    expect(judged).toEqual(['badSignature', 'newer'])
  })

  it('of eight costs no more than it needs, and one check when the announcement is signed by a stranger (clause CHECKS 1)', () => {
    const names = ['publisher', ...Array.from({ length: limits.rotations }, (_, at) => `k${at}`)]
    const chain = names
      .slice(1)
      .map((name, at) => rotationOf({ number: at + 1, to: [name], by: [names[at] as string] }))
    const judged = (by: string) => {
      const counted = termsOf()
      return [new Registers([]).judge(rotatedBy(chain, { by: [by] }), counted.terms), counted.checks()]
    }
    expect(judged(names.at(-1) as string)).toEqual(['newer', limits.rotations + 1])
    expect(judged('thief')).toEqual(['badSignature', 0])
    const forged = rotatedBy(chain, { by: ['thief'], under: [names.at(-1) as string] })
    const counted = termsOf()
    expect([new Registers([]).judge(forged, counted.terms), counted.checks()]).toEqual(['badSignature', 1])
  })
})

describe('the order of announcements (clause ROTATION 3)', () => {
  it('T09 puts a rotation above every version, and refuses who stayed behind before any signature', () => {
    const registers = filled(OLD, ROTATED)
    expect(registers.sides('acme')).toEqual([ROTATED])
    const counted = termsOf()
    const late = announcementOf({ version: 2 ** 31 - 1 })
    expect([registers.judge(late, counted.terms), counted.checks()]).toEqual(['keysRotated', 0])
    expect(registers.standing(headOf(late), delegationOf())).toBe('keysRotated')
    expect(registers.judge(rotatedBy([first], { version: 1, by: ['next'] }), terms)).toBe('oldVersion')
    expect(registers.judge(TWICE, terms)).toBe('newer')
  })

  it('puts a tombstone above every rotation', () => {
    const registers = filled(TWICE, END)
    expect([registers.sides('acme'), END.signed.rotation]).toEqual([[END], TOMBSTONE])
    const later = rotatedBy([first, second], { version: 2 ** 31 - 1, by: ['a', 'b'] })
    expect([registers.judge(later, terms), registers.judge(OLD, terms)]).toEqual(['roleEnded', 'roleEnded'])
    expect(
      registers.judge(
        rotatedBy([first, rotationOf({ number: 2, to: [] })], { version: 2, by: ['next'], releases: {} }),
        terms,
      ),
    ).toBe('newer')
  })

  it('T24 takes two of one rotation and version for an equivocation, and those of different rotations for none', () => {
    const other = rotatedBy([first], { version: 2, by: ['next'], expires: NOW + 1_000 })
    const split = rotatedBy([rotationOf({ number: 1, to: ['a', 'next'], by: ['publisher'] })], {
      version: 2,
      by: ['a'],
    })
    expect(filled(ROTATED, other).frozen('acme')).toBe(true)
    expect(filled(ROTATED, split).frozen('acme')).toBe(true)
    expect(filled(announcementOf({ version: 2 }), ROTATED).frozen('acme')).toBe(false)
  })

  it('is kept as a floor, and ends with the epoch', () => {
    const registers = filled(ROTATED)
    expect(registers.floor('acme')).toEqual({ role: 'acme', epoch: 1, rotation: 1, version: 2 })
    const restarted = new Registers([{ role: 'acme', epoch: 1, rotation: 1, version: 2 }])
    expect([restarted.judge(OLD, terms), restarted.judge(ROTATED, terms)]).toEqual(['keysRotated', 'newer'])
    const next = termsOf(targetsOf({ version: 2, roles: [delegationOf({ epoch: 2 })] })).terms
    const anew = announcementOf({ epoch: 2, version: 1 })
    const ended = filled(END)
    ended.rejudge(() => next)
    expect([ended.sides('acme'), ended.judge(anew, next), ended.judge(END, next)]).toEqual([[], 'newer', 'oldVersion'])
  })

  it('does not depend on the order of arrival', () => {
    const documents = [
      OLD,
      ROTATED,
      TWICE,
      END,
      rotatedBy([rotationOf({ number: 1, to: [] })], { version: 1, releases: {} }),
    ]
    const winner = filled(...documents).sides('acme')
    fc.assert(
      fc.property(fc.shuffledSubarray(documents, { minLength: documents.length }), (order) => {
        expect(filled(...order).sides('acme')).toEqual(winner)
      }),
    )
  })
})

describe('a node', () => {
  it('says that a role changed its keys or ended, once, and audits why who stayed behind is refused', () => {
    const world = new World().delegate(TARGETS)
    world.receive(OLD)
    expect(world.events('roleRotated')).toEqual([])
    world.receive(ROTATED)
    world.receive(
      rotatedBy([first], { version: 3, by: ['next'], releases: { 'acme/agent': releaseOf({ counter: 2 }) } }),
    )
    expect(world.events('roleRotated')).toEqual([{ type: 'roleRotated', role: 'acme', epoch: 1, rotation: 1 }])
    world.hear('late', announcementOf({ version: 2 ** 31 - 1 }))
    expect(world.audit.summary()).toEqual({ total: 1, most: 'keysRotated' })
    world.receive(END)
    expect(world.events('roleRotated')).toEqual([{ type: 'roleRotated', role: 'acme', epoch: 1, rotation: TOMBSTONE }])
    expect(world.announcing.releases()).toEqual([])
    expect(world.announcing.vector().heads).toEqual([{ ...headOf(END), rival: undefined }])
    const again = new World({ saved: world.saved() })
    again.receive(ROTATED)
    expect([again.announcing.current()[0]?.document, again.saved().roleFloors]).toEqual([END, world.saved().roleFloors])
  })

  it('T21 remembers a chain that did not hold, and checks no signature of it again (clause CHECKS 2)', () => {
    const world = new World().delegate(TARGETS)
    const bad = rotatedBy([first, rotationOf({ number: 2, to: ['thief'], by: ['publisher'] })], { by: ['thief'] })
    world.receive(bad, 'one')
    const before = world.checks
    world.receive(bad, 'two')
    expect(world.checks).toBe(before)
    expect(keyOf('thief').keyId).toBe(bad.signatures[0]?.keyId)
  })
})
