import { beforeEach, describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { delegationOf, keyOf, rootOf, signRoot, targetsOf } from '../../fixtures/documents.ts'
import { EMPTY, World } from './announcing-world.ts'

const V1 = targetsOf()
const V2 = targetsOf({ version: 2, roles: [delegationOf(), delegationOf({ name: 'tools', paths: ['tools/*'] })] })
const [LOW, HIGH] = [targetsOf({ version: 3 }), targetsOf({ version: 3, roles: [] })].sort((a, b) =>
  a.hash < b.hash ? -1 : 1,
) as [typeof V1, typeof V1]
/** A root whose targets role has another key. */
const ROOT2 = (() => {
  const { keys, roles, ...root } = rootOf({ version: 2 })
  const { keyId, publicKey } = keyOf('targets2')
  const targets = { keyIds: [keyId], threshold: 1 }
  return signRoot({ ...root, keys: new Map([...keys, [keyId, publicKey]]), roles: { ...roles, targets } }, ['root'])
})()

let world: World
beforeEach(() => {
  world = new World()
})

describe('the targets keeper', () => {
  it('puts a document in force when it is on disk, not before', () => {
    expect(world.consider(V1)).toBe('accepted')
    expect([world.targets.current, world.targets.settled, world.targets.roles]).toEqual([undefined, false, []])
    world.settle()
    world.write()
    expect([world.targets.current, world.targets.settled]).toEqual([V1, true])
    expect(world.targets.role('acme')).toBe(V1.signed.roles[0])
    expect(world.targets.role('tools')).toBeUndefined()
    expect(world.events('targetsAccepted')).toEqual([{ type: 'targetsAccepted', version: 1 }])
    expect(world.consider(V1)).toBe('same')
  })

  it('does not use what could not be written, and takes it when it comes again', () => {
    world.offerTargets(V1)
    world.failToWrite()
    expect([world.targets.current, world.targets.settled]).toEqual([undefined, true])
    expect(world.delegate(V1).targets.current).toBe(V1)
  })

  it('refuses older versions without a signature check, and bad signatures', () => {
    world.delegate(V2)
    world.checks = 0
    expect(world.consider(V1)).toBe('oldVersion')
    expect(world.checks).toBe(0)
    expect(world.consider(targetsOf({ version: 9, by: ['publisher'] }))).toBe('badSignature')
    expect(world.take('persist')).toEqual([])
    world.offerTargets(V1)
    expect(world.events('refused')).toMatchObject([{ code: 'oldVersion', peer: 'somebody' }])
    expect(world.targets.current).toBe(V2)
  })

  it.each([
    ['the lower first', [LOW, HIGH]],
    ['the higher first', [HIGH, LOW]],
  ])('holds the lower hash of two documents of one version, %s', (_, order) => {
    for (const targets of order) world.delegate(targets)
    expect(world.targets.current).toBe(LOW)
  })

  it('takes a newer one while another is being written, and never falls back', () => {
    world.consider(V1)
    world.consider(V2)
    expect(world.consider(V1)).toBe('accepted')
    expect(world.consider(V2)).toBe('accepted')
    world.settle()
    expect(world.take('persist').map(({ changes }) => changes)).toEqual([
      [
        { type: 'targets', targets: V1 },
        { type: 'targetsFloor', version: 1 },
      ],
      [
        { type: 'targets', targets: V2 },
        { type: 'targetsFloor', version: 2 },
      ],
    ])
  })

  it('starts from what was saved, unless the root does not cover it or it is below the floor', () => {
    const saved = { ...EMPTY, targets: V1 }
    expect(new World({ saved }).targets.current).toBe(V1)
    expect(new World({ saved, floor: 2 }).targets.current).toBeUndefined()
    expect(new World({ saved, root: ROOT2 }).targets.current).toBeUndefined()
    const forged = targetsOf({ version: 7, by: ['publisher'] })
    expect(new World({ saved: { ...EMPTY, targets: forged } }).targets.current).toBeUndefined()
  })

  it('T42 accepts nothing below the floor of its invite', () => {
    const fresh = new World({ floor: 2 })
    expect(fresh.consider(V1)).toBe('oldVersion')
    fresh.hello('peer', [], V1)
    expect(fresh.asked()).toEqual([])
    expect(fresh.delegate(V2).targets.current).toBe(V2)
  })

  it('T42 accepts nothing older after a restart without the document', () => {
    world.delegate(V2)
    const damaged = new World({ saved: { ...world.saved(), targets: undefined } })
    expect(damaged.consider(V1)).toBe('oldVersion')
    expect(damaged.delegate(V2).targets.current).toBe(V2)
  })

  it('judges again under a new root, and its version stays the floor', () => {
    world.delegate(V2)
    world.self.root = ROOT2
    world.targets.rootChanged()
    expect([world.targets.current, world.targets.role('acme')]).toEqual([undefined, undefined])
    expect(world.consider(targetsOf({ version: 1, by: ['targets2'] }))).toBe('oldVersion')
    const signedAnew = targetsOf({ version: 2, roles: [...V2.signed.roles], by: ['targets2'] })
    expect(signedAnew.hash).toBe(V2.hash)
    expect(world.delegate(signedAnew).targets.current).toBe(signedAnew)
  })

  it('is not in force when the root changed while it was being written', () => {
    world.consider(V1)
    world.self.root = ROOT2
    world.targets.rootChanged()
    world.settle()
    world.write()
    expect([world.targets.current, world.events('targetsAccepted')]).toEqual([undefined, []])
  })
})

describe('a hello that tells of targets', () => {
  it('makes it ask when they are newer, or as new with a lower hash', () => {
    world.delegate(V2)
    world.hello('peer', [], V1)
    world.hello('peer', [], V2)
    expect(world.asked()).toEqual([])
    world.hello('peer', [], HIGH)
    world.answer({ peer: [HIGH] })
    world.write()
    expect(world.targets.current).toBe(HIGH)
    world.hello('peer', [], HIGH)
    expect(world.asked()).toEqual([])
    world.hello('peer', [], LOW)
    expect(world.asked()).toEqual(['peer targets'])
  })

  it('makes it ask one peer at a time, the next when the question failed or led to nothing, and none twice', () => {
    for (const peer of ['a', 'b', 'c', 'd']) world.hello(peer, [], V1)
    const [first] = world.take('ask')
    if (first === undefined) throw new Error('nobody was asked')
    expect(first.peer).toBe('a')
    expect(world.asked()).toEqual([])
    world.reply(first, undefined)
    const [second] = world.take('ask')
    expect(second?.peer).toBe('b')
    world.reply(second as typeof first, [])
    const [third] = world.take('ask')
    expect(third?.peer).toBe('c')
    world.announcing.unlinked('c')
    world.settle()
    expect(world.take('ask').map(({ peer }) => peer)).toEqual(['d'])
    world.announcing.unlinked('d')
    world.settle()
    expect(world.asked()).toEqual([])
    world.hello('a', [], V1)
    expect(world.asked()).toEqual(['a targets'])
  })

  it('T11 of a liar who says so all the time and gives nothing does not keep the honest one from being asked', () => {
    world.delegate(V1)
    const lie = (hash: number) => {
      const made = targetsOf({ version: 99 })
      return { ...made, hash: hash.toString(16).padStart(64, '0') }
    }
    for (let second = 1; second <= 60; second++) {
      world.at(second * 1_000)
      if (second % 4 === 0) world.hello('liar', [], lie(second))
      if (second === 6) world.hello('honest', [], V2)
      world.answer({ honest: [V2] }, ['liar'])
      world.write()
    }
    expect(world.targets.current).toBe(V2)
  })

  it('tells the newest that it holds when the root does not cover it any more: the next one is built on it', () => {
    world.delegate(V2)
    world.rooted(ROOT2)
    expect([world.targets.current, world.targets.newest, world.targets.floor]).toEqual([
      undefined,
      V2,
      { epoch: 1, version: 2 },
    ])
  })

  it('does not bring the same peer a second question while the first is under way', () => {
    for (const targets of [V2, LOW, HIGH]) world.hello('peer', [], targets)
    expect(world.asked()).toEqual(['peer targets'])
  })

  it('is asked about anew when nobody told what became of the question, others first', () => {
    world.hello('silent', [], V1)
    world.hello('silent', [], V1)
    world.hello('other', [], V1)
    expect(world.asked()).toEqual(['silent targets'])
    expect(world.announcing.deadline()).toBe(world.now + 2 * limits.requestTimeout)
    world.at(world.now + 2 * limits.requestTimeout)
    expect(world.asked()).toEqual(['other targets'])
    world.at(world.now + 2 * limits.requestTimeout)
    expect(world.asked()).toEqual(['silent targets'])
  })

  it('asks nobody else when the answer is good', () => {
    for (const peer of ['a', 'b']) world.hello(peer, [], V1)
    world.answer({ a: [V1] })
    expect(world.asked()).toEqual([])
    world.write()
    expect([world.asked(), world.targets.current]).toEqual([[], V1])
  })
})

describe('many newer targets (clause VECTOR 4)', () => {
  const version = (number: number) => targetsOf({ version: number })
  const FLOOD = Array.from({ length: 30 }, (_, at) => version(at + 1))
  const held = () => world.targets.current?.signed.version
  /** A peer says what it holds and gives it when asked, 20 times in a second. */
  function flood(): void {
    for (const targets of FLOOD) {
      world.at(world.now + 50)
      world.hello('thief', [], targets)
      world.answer({ thief: [targets] })
      world.write()
    }
  }
  const accepted = () => world.events('targetsAccepted').length

  it('are taken at once while they are few; of more, one a minute, and the newest', () => {
    flood()
    expect([accepted(), held()]).toEqual([limits.targetsAtOnce, limits.targetsAtOnce])
    const due = world.announcing.deadline() as number
    expect(due).toBeGreaterThan(world.now + limits.targetsPause - 2 * SECOND)
    expect(due).toBeLessThanOrEqual(world.now + limits.targetsPause)
    world.at(due - 1)
    expect(world.asked()).toEqual([])
    world.at(due)
    world.answer({ thief: FLOOD.slice(-1) })
    world.write()
    expect([accepted(), held()]).toEqual([1, 30])
    world.hello('thief', [], version(31))
    expect(world.asked()).toEqual([])
  })

  it('that come without being asked for wait, too', () => {
    for (const targets of FLOOD) world.delegate(targets)
    expect([accepted(), held()]).toEqual([limits.targetsAtOnce, limits.targetsAtOnce])
    expect(world.audit.entries(world.now).length).toBe(limits.targetsAtOnce)
  })

  it('are taken at once again after some quiet minutes', () => {
    flood()
    world.at(world.now + limits.targetsAtOnce * limits.targetsPause)
    expect(accepted()).toBe(limits.targetsAtOnce)
    for (let number = 101; number <= 110; number++) world.delegate(version(number))
    expect([accepted(), held()]).toEqual([limits.targetsAtOnce, 100 + limits.targetsAtOnce])
  })

  it('are no reason to wait under another root, nor for what is handed in here', () => {
    flood()
    expect(world.consider(version(50))).toBe('accepted')
    world.settle()
    world.write()
    expect(held()).toBe(50)
    const honest = targetsOf({ version: 51, by: ['targets2'] })
    world.hello('owner', [], honest)
    world.rooted(ROOT2)
    expect(world.asked().at(0)).toMatch(/targets$/)
    expect(world.delegate(honest).targets.current).toBe(honest)
  })

  it('of a role that is not known yet make nobody ask before their time', () => {
    flood()
    world.take('ask')
    world.hear('peer', { role: 'unheard', epoch: 1, version: 1, hash: 'ab'.repeat(32) })
    expect(world.asked()).toEqual([])
  })
})
