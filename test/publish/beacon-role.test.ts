import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../src/core/limits.ts'
import { readBeaconKey } from '../../src/daemon/beacon-key.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { initMesh, openMesh } from '../../src/publish/mesh.ts'
import type { BeaconChange } from '../../src/publish/rotate.ts'
import { keyOf, NOW, seedOf } from '../fixtures/documents.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pimesh-beacon-'))
})
afterEach(() => rmSync(dir, { recursive: true }))
const keys = ['one', 'two', 'three'].map(keyOf)

describe('the beacon role of a mesh (clause BEACON 1)', () => {
  it('is given by a new root, stays through the next one, and ends', () => {
    const folder = join(dir, 'mesh')
    initMesh({ dir: folder }, NOW)
    const role = { keyIds: keys.map(({ keyId }) => keyId), threshold: 2 }
    const rotate = (changes: Parameters<typeof rotateRoot>[2]) => rotateRoot(openMesh(folder), NOW, changes).signed
    expect(rotate({ beacon: { keys, threshold: 2, period: MINUTE } })).toMatchObject({
      ...{ version: 2, beaconPeriod: MINUTE, roles: { beacon: role } },
    })
    const kept = rotate({ newRootKey: true })
    expect(kept).toMatchObject({ version: 3, beaconPeriod: MINUTE, roles: { beacon: role } })
    for (const { keyId, publicKey } of keys) expect(kept.keys.get(keyId)).toEqual(publicKey)
    expect(rotate({ beacon: 'none' }).roles).not.toHaveProperty('beacon')
  })

  it.each<[string, BeaconChange]>([
    ['no keys', { keys: [], threshold: 1 }],
    ['one key twice', { keys: [keyOf('one'), keyOf('one')], threshold: 1 }],
    ['more keys than a head has bits', { keys: Array.from({ length: 9 }, (_, at) => keyOf(`${at}`)), threshold: 1 }],
    ['a threshold that cannot be met', { keys, threshold: 4 }],
    ['a period that is too short', { keys, threshold: 2, period: 9 * SECOND }],
    ['parts of a second', { keys, threshold: 2, period: MINUTE + 1 }],
  ])('is refused with %s, and nothing changes', (_, beacon) => {
    const mesh = initMesh({ dir: join(dir, 'mesh') }, NOW)
    expect(() => rotateRoot(mesh, NOW, { beacon })).toThrow(expect.objectContaining({ code: 'E_USAGE' }))
    expect(openMesh(mesh.dir).root.signed.version).toBe(1)
  })
})

describe('the beacon key of a node', () => {
  const file = () => join(dir, 'beacon.key')

  it('is a plain key file, found from the data folder', () => {
    writeKeyFile(file(), seedOf('one'))
    expect(readBeaconKey(dir, '')).toBeUndefined()
    expect(readBeaconKey(dir, 'beacon.key')?.keyId).toBe(keyOf('one').keyId)
    expect(readBeaconKey('/elsewhere', file())?.keyId).toBe(keyOf('one').keyId)
  })

  it('is refused in one sentence when it is not there, or nobody could unlock it', () => {
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: 'E_CONFIG', message: expect.stringMatching(message) })
    expect(() => readBeaconKey(dir, 'beacon.key')).toThrow(refused(/cannot be read \(ENOENT\)/))
    writeKeyFile(file(), seedOf('one'), { passphrase: 'long enough', cost: { n: 1_024, r: 8, p: 1 } })
    expect(() => readBeaconKey(dir, 'beacon.key')).toThrow(refused(/under a passphrase/))
  })
})
