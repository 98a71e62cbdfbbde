// What every Artifacts must do; run on files and on the simulated disk.

import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { pieceBytes, pieceCount } from '../../src/core/swarm/pieces.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import type { Artifacts } from '../../src/ports/artifacts.ts'
import { encodingOf as withIdentity } from '../../src/wire/release.ts'

/** One disk that keeps what is written there, like a data folder. */
export interface ArtifactsPlace {
  /** Opens what is there; closed before it is opened again. */
  open(): Promise<Artifacts>
  /** Changes one byte of what was written for an encoding, behind the back of whoever has it open. */
  flip(encoding: string, offset: number): Promise<void>
  /** The encodings of which there is anything on the disk. */
  names(): Promise<string[]>
  /** From now on, so many bytes are free, whatever is written. */
  setFree(bytes: number): void
  remove(): Promise<void>
}

const PIECE = 1_024
const never = () => new AbortController().signal
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** An encoding of these bytes, with its piece list; pieces are shorter than those of the product. */
export function encodingOf(bytes: Uint8Array, pieceLength = PIECE): { encoding: Encoding; pieceList: Uint8Array } {
  const count = pieceCount(bytes.length, pieceLength)
  const pieces = Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * pieceLength, (index + 1) * pieceLength),
  )
  const pieceList = new Uint8Array(Buffer.concat(pieces.map(sha256)))
  const encoding = withIdentity({
    type: 'identity',
    sha256: sha256(bytes).toString('hex'),
    length: bytes.length,
    pieceLength,
    pieceList: sha256(pieceList).toString('hex'),
  })
  return { encoding, pieceList }
}

/** Bytes without a zero, different for each seed. */
export function someBytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => 1 + ((at * 31 + seed * 17 + (at >> 8)) % 255))
}

/** The numbers of the pieces in a bitfield. */
export function piecesIn(bits: Uint8Array): number[] {
  return [...bits].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => at * 8 + bit),
  )
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

/** Registers the suite; `make` gives a new, empty disk. */
export function artifactsContract(name: string, make: () => Promise<ArtifactsPlace>): void {
  describe(`the Artifacts contract on ${name}`, () => {
    const bytes = someBytes(10 * PIECE + 100)
    const { encoding, pieceList } = encodingOf(bytes)
    const { hash } = encoding
    const piece = (index: number, of = bytes) => of.slice(index * PIECE, (index + 1) * PIECE)
    const all = Array.from({ length: 11 }, (_, index) => index)

    let place: ArtifactsPlace
    let artifacts: Artifacts
    const reopen = async () => {
      await artifacts.close()
      artifacts = await place.open()
    }
    const prepare = async (decoded = 0, signal = never()) =>
      piecesIn(await artifacts.prepare(encoding, pieceList, { decoded, signal }))
    const failure = (code: string) => ({ name: 'ArtifactFailure', problem: expect.objectContaining({ code }) })
    beforeEach(async () => {
      place = await make()
      artifacts = await place.open()
    })
    afterEach(async () => {
      await artifacts.close()
      await place.remove()
    })

    it('has nothing of what is new, and answers a bitfield as long as its pieces need', async () => {
      const have = await artifacts.prepare(encoding, pieceList, { decoded: 0, signal: never() })
      expect(have).toEqual(new Uint8Array(2))
    })

    it('gives each piece as it was written, in any order', async () => {
      await prepare()
      for (const index of [10, 3, 0]) await artifacts.write(hash, index, piece(index))
      for (const index of [0, 3, 10]) expect(await artifacts.read(hash, index)).toEqual(piece(index))
      expect((await artifacts.read(hash, 10)).length).toBe(pieceBytes(encoding, 10))
    })

    it('knows after it was opened again which pieces are there', async () => {
      await prepare()
      for (const index of [1, 8, 10]) await artifacts.write(hash, index, piece(index))
      expect(await prepare()).toEqual([1, 8, 10])
      await reopen()
      expect(await prepare()).toEqual([1, 8, 10])
      for (const index of all) await artifacts.write(hash, index, piece(index))
      await artifacts.sync(hash)
      await reopen()
      expect(await prepare()).toEqual(all)
    })

    it('T31 leaves a piece out that a disk changed, and never serves it', async () => {
      await prepare()
      for (const index of all) await artifacts.write(hash, index, piece(index))
      await place.flip(hash, 4 * PIECE + 7)
      await expect(artifacts.read(hash, 4)).rejects.toMatchObject(failure('corrupt'))
      expect(await artifacts.read(hash, 5)).toEqual(piece(5))
      await reopen()
      expect(await prepare()).toEqual(all.filter((index) => index !== 4))
      await artifacts.write(hash, 4, piece(4))
      expect(await artifacts.read(hash, 4)).toEqual(piece(4))
    })

    it('does not give a piece that was not written', async () => {
      await prepare()
      await expect(artifacts.read(hash, 0)).rejects.toMatchObject(failure('corrupt'))
    })

    it('takes pieces of zeros for what they are', async () => {
      const zeros = bytes.slice()
      zeros.fill(0, 2 * PIECE, 4 * PIECE)
      zeros.fill(0, 10 * PIECE)
      zeros.fill(0, 6 * PIECE, 6 * PIECE + 500)
      const other = encodingOf(zeros)
      const options = { decoded: 0, signal: never() }
      const before = piecesIn(await artifacts.prepare(other.encoding, other.pieceList, options))
      for (const index of all) await artifacts.write(other.encoding.hash, index, piece(index, zeros))
      const after = piecesIn(await artifacts.prepare(other.encoding, other.pieceList, options))
      expect(after).toEqual(all)
      expect([2, 3, 10]).toEqual(expect.arrayContaining(before))
      for (const index of [2, 6, 10])
        expect(await artifacts.read(other.encoding.hash, index)).toEqual(piece(index, zeros))
    })

    it('has its own copy of what is written', async () => {
      await prepare()
      const given = piece(0)
      await artifacts.write(hash, 0, given)
      given.fill(9)
      const read = await artifacts.read(hash, 0)
      read.fill(9)
      expect(await artifacts.read(hash, 0)).toEqual(piece(0))
    })

    it('works on several encodings and pieces at the same time', async () => {
      const others = Array.from({ length: 12 }, (_, seed) => {
        const content = someBytes(3 * PIECE, seed + 2)
        return { content, ...encodingOf(content) }
      })
      await Promise.all(
        others.map(async (each) => {
          await artifacts.prepare(each.encoding, each.pieceList, { decoded: 0, signal: never() })
          const write = (index: number) => artifacts.write(each.encoding.hash, index, piece(index, each.content))
          await Promise.all([0, 1, 2].map(write))
        }),
      )
      const reads = others.flatMap((each) =>
        [0, 1, 2].map(async (index) => {
          expect(await artifacts.read(each.encoding.hash, index)).toEqual(piece(index, each.content))
        }),
      )
      await Promise.all(reads)
    })

    it('rejects what was not prepared, and pieces that there are not', async () => {
      await expect(artifacts.write(hash, 0, piece(0))).rejects.toThrow()
      await expect(artifacts.read(hash, 0)).rejects.toThrow()
      await prepare()
      for (const index of [-1, 11, 4_096, 0.5, Number.NaN]) {
        await expect(artifacts.write(hash, index, piece(0)), `${index}`).rejects.toThrow()
        await expect(artifacts.read(hash, index), `${index}`).rejects.toThrow()
      }
      await expect(artifacts.write(hash, 10, piece(0))).rejects.toThrow()
      expect(await prepare()).toEqual([])
    })

    it('stops preparing when it is told to', async () => {
      const reason = new Error('enough')
      await expect(prepare(0, AbortSignal.abort(reason))).rejects.toBe(reason)
      expect(await prepare()).toEqual([])
    })

    describe('a full disk', () => {
      it('refuses what does not fit, and says how much is missing', async () => {
        const needed = bytes.length + 5_000 + limits.diskReserve
        place.setFree(needed - 77)
        const full = { problem: { code: 'diskFull', missing: 77 } }
        await expect(prepare(5_000)).rejects.toMatchObject(full)
        place.setFree(needed)
        expect(await prepare(5_000)).toEqual([])
      })

      it('counts what is there already as paid', async () => {
        await prepare()
        for (const index of all) if (index !== 2) await artifacts.write(hash, index, piece(index))
        await reopen()
        place.setFree(PIECE + limits.diskReserve - 1)
        await expect(prepare()).rejects.toMatchObject({ problem: { code: 'diskFull', missing: 1 } })
        place.setFree(PIECE + limits.diskReserve)
        expect(await prepare()).toEqual(all.filter((index) => index !== 2))
        await artifacts.write(hash, 2, piece(2))
        place.setFree(0)
        expect(await prepare(5_000), 'whoever unpacks it looks for room').toEqual(all)
      })

      it('does not promise the same room twice', async () => {
        const other = encodingOf(someBytes(4 * PIECE, 9))
        place.setFree(bytes.length + limits.diskReserve + PIECE)
        await prepare()
        const second = () => artifacts.prepare(other.encoding, other.pieceList, { decoded: 0, signal: never() })
        await expect(second()).rejects.toMatchObject({ problem: { code: 'diskFull', missing: 3 * PIECE } })
        for (const index of [0, 1]) await artifacts.write(hash, index, piece(index))
        await expect(second()).rejects.toMatchObject({ problem: { code: 'diskFull', missing: PIECE } })
        await artifacts.forget(hash)
        expect(piecesIn(await second())).toEqual([])
      })

      it('does not promise what the unpacking of another one needs, before that is done', async () => {
        const other = encodingOf(someBytes(4 * PIECE, 9))
        const second = () => artifacts.prepare(other.encoding, other.pieceList, { decoded: 0, signal: never() })
        place.setFree(bytes.length + 5 * PIECE + limits.diskReserve)
        await prepare(5 * PIECE)
        for (const index of all) await artifacts.write(hash, index, piece(index))
        place.setFree(5 * PIECE + limits.diskReserve)
        await expect(second()).rejects.toMatchObject({ problem: { code: 'diskFull', missing: 4 * PIECE } })
        expect(await place.names(), 'what does not fit leaves nothing').toEqual([hash])
        place.setFree(4 * PIECE + limits.diskReserve)
        artifacts.unpacked(hash)
        expect(piecesIn(await second())).toEqual([])
      })

      it('keeps no promise to who writes nothing from one request of another to the next', async () => {
        const others = [5, 6].map((seed) => encodingOf(someBytes(4 * PIECE, seed)))
        const [second, third] = others.map(
          (other) => () => artifacts.prepare(other.encoding, other.pieceList, { decoded: 0, signal: never() }),
        ) as [() => Promise<Uint8Array>, () => Promise<Uint8Array>]
        place.setFree(bytes.length + limits.diskReserve)
        await prepare()
        const full = { problem: { code: 'diskFull', missing: 4 * PIECE } }
        await expect(second()).rejects.toMatchObject(full)
        await artifacts.write(hash, 0, piece(0))
        await expect(second()).rejects.toMatchObject({ problem: { code: 'diskFull', missing: 3 * PIECE } })
        await expect(third(), 'it is asked for the first time').rejects.toMatchObject({ problem: { code: 'diskFull' } })
        expect(piecesIn(await second())).toEqual([])
        place.setFree(limits.diskReserve)
        await expect(third()).rejects.toMatchObject({ problem: { code: 'diskFull' } })
      })

      it('refuses an import that does not fit, and leaves nothing', async () => {
        place.setFree(limits.diskReserve)
        const imported = artifacts.import(encoding, inChunks(bytes, 500), { signal: never() })
        await expect(imported).rejects.toMatchObject({ problem: { code: 'diskFull', missing: bytes.length } })
        expect(await place.names()).toEqual([])
      })
    })

    describe('import', () => {
      const take = (of: Encoding, chunks: AsyncIterable<Uint8Array>, signal = never()) =>
        artifacts.import(of, chunks, { signal })

      it('takes a whole encoding in chunks of any size, and gives its piece list', async () => {
        for (const size of [1, 100, PIECE, 5_000, bytes.length]) {
          expect(await take(encoding, inChunks(bytes, size))).toEqual(pieceList)
          expect(await artifacts.read(hash, 10)).toEqual(piece(10))
          expect(await prepare()).toEqual(all)
        }
      })

      it('leaves nothing of bytes that are not the encoding', async () => {
        const changed = bytes.slice()
        changed[3_000] = 0
        const wrong: [string, Encoding, AsyncIterable<Uint8Array>][] = [
          ['other bytes', encoding, inChunks(changed, 700)],
          ['too few', encoding, inChunks(bytes.slice(0, -1), 700)],
          ['none', encoding, inChunks(bytes.slice(0, 0), 700)],
          ['too many', encoding, inChunks(Uint8Array.from([...bytes, 1]), 700)],
          ['another piece list', { ...encoding, pieceList: hash }, inChunks(bytes, 700)],
        ]
        for (const [what, of, chunks] of wrong)
          await expect(take(of, chunks), what).rejects.toMatchObject(failure('corrupt'))
        expect(await place.names()).toEqual([])
      })

      it('T02 stops at the first chunk that is too long', async () => {
        let given = 0
        const endless = async function* () {
          for (;;) {
            given += PIECE
            yield bytes.slice(0, PIECE)
          }
        }
        await expect(take(encoding, endless())).rejects.toMatchObject(failure('corrupt'))
        expect(given).toBeLessThan(bytes.length + 2 * PIECE)
      })

      it('leaves nothing when its source fails, or when it is told to stop while nothing comes', async () => {
        const failing = async function* () {
          yield bytes.slice(0, 2_000)
          throw new Error('the line is dead')
        }
        await expect(take(encoding, failing())).rejects.toThrow('the line is dead')
        const stop = new AbortController()
        const silent = async function* () {
          yield bytes.slice(0, 2_000)
          stop.abort(new Error('enough'))
          await new Promise(() => {})
        }
        await expect(take(encoding, silent(), stop.signal)).rejects.toThrow('enough')
        expect(await place.names()).toEqual([])
      })

      it('keeps what was there when it fails', async () => {
        await take(encoding, inChunks(bytes, 700))
        await expect(take(encoding, inChunks(bytes.slice(1), 700))).rejects.toMatchObject(failure('corrupt'))
        expect(await artifacts.read(hash, 0)).toEqual(piece(0))
      })
    })

    it('forgets, also what is not there', async () => {
      await prepare()
      await artifacts.write(hash, 0, piece(0))
      await artifacts.forget(hash)
      await artifacts.forget(hash)
      expect(await place.names()).toEqual([])
      await expect(artifacts.read(hash, 0)).rejects.toThrow()
      expect(await prepare()).toEqual([])
    })

    it('sweeps away what nobody keeps', async () => {
      const other = encodingOf(someBytes(2 * PIECE, 3))
      await artifacts.sweep(new Set())
      await prepare()
      await artifacts.prepare(other.encoding, other.pieceList, { decoded: 0, signal: never() })
      await artifacts.write(hash, 0, piece(0))
      await reopen()
      expect(await artifacts.sweep(new Set([hash, '0'.repeat(64)]))).toEqual([hash])
      expect(await place.names()).toEqual([hash])
      expect(await prepare()).toEqual([0])
    })

    it('finds the piece list of what is whole, and of nothing else', async () => {
      expect(await artifacts.pieceList(encoding)).toBeUndefined()
      await prepare()
      for (const index of all) {
        expect(await artifacts.pieceList(encoding)).toBeUndefined()
        await artifacts.write(hash, index, piece(index))
      }
      await reopen()
      expect(await artifacts.pieceList(encoding)).toEqual(pieceList)
      await place.flip(hash, 4 * PIECE + 7)
      expect(await artifacts.pieceList(encoding)).toBeUndefined()
    })

    it('finishes writes under way when it is closed, and rejects every later call', async () => {
      await prepare()
      const written = all.map((index) => artifacts.write(hash, index, piece(index)))
      await artifacts.close()
      await Promise.all(written)
      await expect(artifacts.write(hash, 0, piece(0))).rejects.toThrow()
      await expect(artifacts.read(hash, 0)).rejects.toThrow()
      await expect(prepare()).rejects.toThrow()
      artifacts = await place.open()
      expect(await prepare()).toEqual(all)
    })
  })
}
