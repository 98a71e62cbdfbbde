// Signing with one folder happens one after the other, also when somebody died while it was his turn.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initMesh, type Mesh } from '../../src/publish/mesh.ts'
import { inTurn } from '../../src/publish/turn.ts'
import { namespaces, onDisk, run } from '../install/processes.ts'

let folder: string
let mesh: Mesh
const { signal } = new AbortController()
const lock = () => join(mesh.dir, '.signing')

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
    writeFileSync(lock(), String(pid))
    expect(await inTurn(mesh, async () => 7, signal)).toBe(7)
  })

  it('are waited for while their process lives, until somebody stops waiting', async () => {
    writeFileSync(lock(), String(process.pid))
    const stop = new AbortController()
    const waiting = inTurn(mesh, async () => 7, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toThrow()
    expect(existsSync(lock())).toBe(true)
  })
  it.each([
    ['nothing, since its process ended between making and writing it', ''],
    ['what no process is', 'half a line\0\0'],
  ])('whose file says %s are over', async (_, text) => {
    writeFileSync(lock(), text)
    expect(await inTurn(mesh, async () => 7, signal)).toBe(7)
  })

  it.skipIf(!existsSync('/proc/self/stat'))(
    'of a process that only has the number of one from before a power cut, or of one that ended, are over',
    async () => {
      const [pid, boot, start] = await inTurn(mesh, async () => readFileSync(lock(), 'utf8').split(' '), signal)
      expect([pid, boot]).toEqual([`${process.pid}`, readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()])
      for (const other of [
        `${pid} 0c0ffee0-0000-4000-8000-000000000000 ${start}`,
        `${pid} ${boot} ${Number(start) - 1}`,
      ]) {
        writeFileSync(lock(), other)
        expect(await inTurn(mesh, async () => 7, signal)).toBe(7)
      }
    },
  )

  it('are waited for while their process lives, whatever the system tells of it', async () => {
    const own = await inTurn(mesh, async () => readFileSync(lock(), 'utf8'), signal)
    for (const text of [own, `${process.pid} - -`, `${process.pid}`]) {
      writeFileSync(lock(), text)
      await expect(inTurn(mesh, async () => 7, AbortSignal.timeout(150))).rejects.toThrow()
      expect(readFileSync(lock(), 'utf8')).toBe(text)
    }
  })
})

// No disk of a test machine is full: that needs a mount namespace of its own.
it.skipIf(!namespaces)(
  'a full disk keeps nobody from signing when there is space again, and is left as it was',
  async () => {
    const script = join(import.meta.dirname, 'full-disk-child.ts')
    const { status, out } = await run(script, [folder], onDisk(folder, 262_144))
    expect(status, out).toBe(0)
    const full = ['E_DATA_WRITE', 'E_DATA_WRITE', 'E_DATA_WRITE']
    expect(JSON.parse(out)).toEqual({ full, left: [], after: [null, null, null] })
  },
)
