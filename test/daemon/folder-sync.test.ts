// What joining wrote survives a power cut: everything in the new folder, and the folder itself, reaches the disk before it is renamed.
import type { PathLike } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { writeJoined } from '../../src/daemon/folder.ts'
import { MESH, membershipOf, NO_FLOORS, ROOT, seedOf } from '../fixtures/documents.ts'

const steps = vi.hoisted(() => [] as string[])

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  const plainName = (path: PathLike) => basename(String(path)).replace(/^(\.joining)-.*/, '$1')
  return {
    ...real,
    open: async (path: PathLike, ...rest: never[]) => {
      const file = await real.open(path, ...rest)
      const sync = file.sync.bind(file)
      file.sync = async () => {
        steps.push(plainName(path))
        await sync()
      }
      return file
    },
    rename: async (from: PathLike, to: PathLike) => {
      steps.push(`${plainName(from)} -> ${plainName(to)}`)
      await real.rename(from, to)
    },
  }
})

it('syncs the files, then their folder, then renames it, then syncs the data folder', async () => {
  const data = await fs.mkdtemp(join(tmpdir(), 'pimesh-sync-'))
  onTestFinished(() => fs.rm(data, { recursive: true, force: true }))
  const about = {
    mesh: MESH,
    membership: membershipOf(),
    roots: [ROOT],
    rootFloor: 1,
    floors: NO_FLOORS,
    via: [],
    contacts: [],
  }
  await writeJoined(data, { ...about, secret: seedOf('node') })
  const [renamed, folder] = [steps.indexOf('.joining -> mesh'), steps.indexOf('.joining')]
  expect(steps.slice(0, folder).sort()).toEqual(['joined.json', 'membership.json', 'node.key', 'root-1.json'])
  expect(folder).toBeLessThan(renamed)
  expect(steps.at(-1)).toBe(basename(data))
  expect(steps.length - 1).toBeGreaterThan(renamed)
})
