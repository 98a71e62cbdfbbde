// T31: a disk gives back another byte than was written. A stored piece is hashed again when it is asked for, and all of them when what is
// unpacked is not the artifact: nobody is ever given a bad piece, nothing wrong comes into use, and only what is damaged is fetched again.
import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import {
  type Artifact,
  announce,
  artifactOf,
  installed,
  PATH,
  publish,
  reaches,
  releaseAt,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const PIECES = 12
const artifact = artifactOf('flipped', PIECES * limits.pieceBytesMin - 1)
/** What a link costs beside pieces in the time of a test. */
const OVERHEAD = limits.pieceBytesMin

let fleet: Fleet
let provider: Member
beforeAll(async () => {
  fleet = await Fleet.create()
  provider = await fleet.found('provider')
  const mirror = await fleet.add('mirror', provider)
  const document = announce(fleet, { releases: { [PATH]: releaseFor(artifact) } })
  await publish(provider, document, { targets: targetsFor(fleet), artifacts: [artifact] })
  for (const member of [provider, mirror]) await reaches(member, 'committed', 1)
})
afterAll(closeFleets)

/** Changes a bit in the middle of a piece, behind the back of the daemon. */
async function flip({ data }: Member, { encoding }: Artifact, ...pieces: number[]): Promise<void> {
  const file = await open(join(data, 'artifacts', encoding.hash), 'r+')
  for (const index of pieces) {
    const at = index * encoding.pieceLength + 1_000
    const byte = new Uint8Array(1)
    await file.read(byte, 0, 1, at)
    await file.write(Uint8Array.of((byte[0] as number) ^ 4), 0, 1, at)
  }
  await file.close()
}

test('T31 silent corruption: who waits to install notices it when it unpacks, and fetches the one piece again', async () => {
  await fleet.join('waiting', fleet.token({ through: [provider] }))
  await writeFile(join(fleet.data('waiting'), 'installed'), 'a file is where a folder should be')
  const waiting = await fleet.start('waiting')
  await until('it has all and cannot install it', async () => {
    const here = (await releaseAt(waiting))?.here
    return here?.state === 'verified' && here.reason === 'notWritable'
  })
  const before = (await waiting.status()).traffic.bytesIn
  await flip(waiting, artifact, 5)
  await rm(join(waiting.data, 'installed'))
  const seen = new Set<string | undefined>()
  const isInUse = async () => seen.add(await installed(waiting)).has(artifact.hash)
  // The installation is tried again, finds the damage, and is tried once more when the piece is here: two pauses.
  for (let waits = 0; waits < 3 && !(await isInUse()); waits++)
    await until('it is in use', isInUse).catch(() => undefined)
  expect(seen).toEqual(new Set([undefined, artifact.hash]))
  expect((await waiting.status()).traffic.bytesIn - before).toBeLessThan(2 * limits.pieceBytesMin + OVERHEAD)
}, 180_000)

test('T31 silent corruption: a provider whose pieces changed gives none of them, and says that it has them no more', async () => {
  await flip(provider, artifact, ...Array.from({ length: PIECES - 1 }, (_, index) => index))
  const late = await fleet.add('late', provider)
  await reaches(late, 'committed', 1)
  expect(await installed(late)).toBe(artifact.hash)
  expect(await late.refused('badPiece')).toBe(0)
  const left = async () => (await releaseAt(provider))?.here?.bytes
  await until(
    'it found out what is left',
    async () => ((await left()) ?? artifact.bytes.length) < limits.pieceBytesMin,
    left,
  )
}, 180_000)
