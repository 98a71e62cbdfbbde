// Signing with one folder happens one after the other, also when somebody died while it was his turn.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initMesh, type Mesh } from '../../src/publish/mesh.ts'
import { inTurn } from '../../src/publish/turn.ts'

let folder: string
let mesh: Mesh
const { signal } = new AbortController()
const lock = () => join(mesh.dir, 'announcements', '.signing')

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pimesh-turn-'))
  mesh = initMesh({ dir: join(folder, 'mesh') }, Date.now())
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('turns', () => {
  it('never overlap', async () => {
    let inside = 0
    const sign = async () => {
      inside += 1
      expect(inside).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      inside -= 1
    }
    await Promise.all([1, 2, 3].map(() => inTurn(mesh, sign, signal)))
    expect(existsSync(lock())).toBe(false)
  })

  it('are over when signing fails', async () => {
    await expect(inTurn(mesh, () => Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
    expect(await inTurn(mesh, async () => 7, signal)).toBe(7)
  })

  it('of a process that is gone are over', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    mkdirSync(join(mesh.dir, 'announcements'), { recursive: true })
    writeFileSync(lock(), String(pid))
    expect(await inTurn(mesh, async () => 7, signal)).toBe(7)
  })

  it('are waited for while their process lives, until somebody stops waiting', async () => {
    mkdirSync(join(mesh.dir, 'announcements'), { recursive: true })
    writeFileSync(lock(), String(process.pid))
    const stop = new AbortController()
    const waiting = inTurn(mesh, async () => 7, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toThrow()
    expect(existsSync(lock())).toBe(true)
  })
})
