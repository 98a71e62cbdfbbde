import { describe, expect, it } from 'vitest'
import { isProblem, SimArtifacts } from './artifacts.ts'
import { type Content, flipped, makeContent, nominalLength } from './content.ts'
import { Prng } from './prng.ts'
import { EventQueue } from './queue.ts'

const CONTENT = makeContent('x', 5, 'identity')
const { hash } = CONTENT.encoding

function disk(seed = 1) {
  const queue = new EventQueue()
  return { queue, files: new SimArtifacts(queue, new Prng(seed), { delayMean: 5, delayMax: 50 }) }
}

type World = ReturnType<typeof disk>

/** The outcome of something that takes virtual time; undefined when it never came. */
async function outcome<T>({ queue }: World, run: (done: (value: T) => void) => void): Promise<T | undefined> {
  let value: T | undefined
  run((given) => {
    value = given
  })
  await queue.run(queue.now + 1_000)
  return value
}

const prepare = (world: World, { encoding, pieceList }: Content = CONTENT) =>
  outcome(world, (done) => world.files.prepare(encoding, pieceList, done))
const write = (world: World, index: number, bytes = CONTENT.pieces[index] as Uint8Array) =>
  outcome(world, (done) => world.files.write(hash, index, bytes, done))
const read = (world: World, index: number) => outcome(world, (done) => world.files.read(hash, index, done))
const sync = (world: World) => outcome(world, (done) => world.files.sync(hash, done))

describe('content', () => {
  it('is the same for the same name, and its pieces say how long they are', () => {
    expect(makeContent('x', 5, 'identity')).toEqual(CONTENT)
    expect(makeContent('y', 5, 'identity').encoding.hash).not.toBe(hash)
    const lengths = CONTENT.pieces.map(nominalLength)
    expect(lengths.reduce((sum, length) => sum + length)).toBe(CONTENT.encoding.length)
    expect(nominalLength(flipped(CONTENT.pieces[0] as Uint8Array))).toBe(lengths[0])
    expect(nominalLength(new Uint8Array(3))).toBe(3)
  })
})

describe('the files of a simulated machine', () => {
  it('keep pieces, and find again what is right', async () => {
    const world = disk()
    expect(await prepare(world)).toEqual(Uint8Array.of(0))
    await write(world, 1)
    await write(world, 3)
    await write(world, 4, flipped(CONTENT.pieces[4] as Uint8Array))
    expect(await read(world, 1)).toEqual(CONTENT.pieces[1])
    expect(await read(world, 4)).toMatchObject({ code: 'corrupt' })
    expect(await read(world, 0)).toMatchObject({ code: 'corrupt' })
    expect([world.files.holds(hash, 1), world.files.holds(hash, 4)]).toEqual([true, false])
    expect(await prepare(world)).toEqual(Uint8Array.of(0b01010))
  })

  it('are of no use before they are prepared, nor once forgotten', async () => {
    const world = disk()
    expect(await write(world, 0)).toMatchObject({ code: 'ioError' })
    world.files.import(CONTENT)
    expect(await read(world, 0)).toEqual(CONTENT.pieces[0])
    world.files.crash('killed')
    expect(await read(world, 0)).toMatchObject({ code: 'ioError' })
    expect(await prepare(world)).toEqual(Uint8Array.of(0b11111))
    expect(await read(world, 0)).toEqual(CONTENT.pieces[0])
    world.files.sweep(new Set(['other']))
    expect(world.files.whole(hash, { durable: false })).toBe(false)
  })

  it('refuse what does not fit, and take it when there is room again', async () => {
    const world = disk()
    world.files.full = true
    expect(await prepare(world)).toEqual({ code: 'diskFull', missing: CONTENT.encoding.length })
    world.files.full = false
    await prepare(world)
    world.files.full = true
    const missing = nominalLength(CONTENT.pieces[0] as Uint8Array)
    expect(await write(world, 0)).toEqual({ code: 'diskFull', missing })
    expect(world.files.holds(hash, 0)).toBe(false)
    world.files.full = false
    expect(isProblem(await write(world, 0))).toBe(false)
    expect(world.files.holds(hash, 0)).toBe(true)
  })

  it('keep everything finished when the process is killed', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const world = disk(seed)
      await prepare(world)
      await write(world, 0)
      world.files.write(hash, 1, CONTENT.pieces[1] as Uint8Array, () => expect.unreachable())
      world.files.crash('killed')
      await world.queue.run(world.queue.now + 1_000)
      const have = (await prepare(world)) as Uint8Array
      expect((have[0] as number) & 1).toBe(1)
    }
  })

  it('lose at a power cut only what was not synced, and sometimes half of a write', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const world = disk(seed)
      await prepare(world)
      await write(world, 0)
      await sync(world)
      await write(world, 1)
      world.files.crash('powerCut')
      expect(world.files.holds(hash, 0)).toBe(true)
      const stored = world.files.stored(hash, 1)
      outcomes.add(stored === undefined ? 'gone' : world.files.holds(hash, 1) ? 'kept' : 'torn')
    }
    expect([...outcomes].sort()).toEqual(['gone', 'kept', 'torn'])
  })

  it('are whole, and durable once synced', async () => {
    const world = disk()
    await prepare(world)
    for (const index of CONTENT.pieces.keys()) await write(world, index)
    const states = () => [world.files.whole(hash, { durable: false }), world.files.whole(hash, { durable: true })]
    expect(states()).toEqual([true, false])
    await sync(world)
    expect(states()).toEqual([true, true])
    expect(world.files.contents(hash)).toEqual(CONTENT.pieces)
    world.files.flip(new Prng(1), () => false)
    expect(states()).toEqual([true, true])
    world.files.flip(new Prng(1))
    expect(states()).toEqual([false, false])
  })
})
