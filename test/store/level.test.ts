import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { utf8 } from '../../src/core/bytes.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { storeContract } from '../contracts/store.ts'
import { namespaces, onDisk, run } from '../install/processes.ts'

/** A process that opens the store, writes what its arguments say, prints "written" and stays until it is killed. */
const child = join(import.meta.dirname, 'child.ts')

async function startChild(folder: string, batches: unknown): Promise<() => Promise<void>> {
  const other = spawn(process.execPath, [child, folder, JSON.stringify(batches)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(other, 'exit')
  const [line] = await Promise.race([once(other.stdout, 'data'), exited])
  if (String(line) !== 'written\n') throw new Error(`the other process ended with ${line}`)
  return async () => {
    other.kill('SIGKILL')
    await exited
  }
}

let base: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'pimesh-store-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(base, { recursive: true, force: true })
})

storeContract('LevelDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-contract-'))
  return {
    open: () => openLevelStore(folder),
    writeThenKill: async (batches) => {
      const text = (value: Uint8Array | undefined) => (value === undefined ? null : Buffer.from(value).toString('utf8'))
      const kill = await startChild(
        folder,
        batches.map((batch) => batch.map(({ key, value }) => ({ key, value: text(value) }))),
      )
      await kill()
    },
    failNext: () => void vi.spyOn(Level.prototype, 'batch').mockRejectedValueOnce(new Error('no space left on device')),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
})

describe('the LevelDB store', () => {
  const failure = (code: string) => expect.objectContaining({ code, message: expect.stringContaining(base) })

  it('makes the folder, and those above it', async () => {
    const store = await openLevelStore(join(base, 'a', 'b'))
    await store.write([{ key: 'k', value: utf8('v') }], { sync: true })
    await store.close()
    expect(await readdir(join(base, 'a', 'b'))).toContain('CURRENT')
  })

  it('refuses a folder that another process has open, and opens it when that one was killed', async () => {
    const kill = await startChild(base, [])
    await expect(openLevelStore(base)).rejects.toEqual(failure('E_DATA_OPEN'))
    await kill()
    await (await openLevelStore(base)).close()
  })

  it('refuses a folder that this process has open', async () => {
    const store = await openLevelStore(base)
    await expect(openLevelStore(base)).rejects.toEqual(failure('E_DATA_OPEN'))
    await store.close()
  })

  it('refuses a place where no folder can be', async () => {
    await writeFile(join(base, 'file'), '')
    await expect(openLevelStore(join(base, 'file', 'data'))).rejects.toEqual(failure('E_DATA_WRITE'))
  })

  it('refuses a folder that its user may not write to', async () => {
    const folder = join(base, 'closed')
    await mkdir(folder)
    await chmod(base, 0o755)
    await chmod(folder, 0o555)
    // Root may write anywhere, so another user tries.
    const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const script = `import(${JSON.stringify(join(import.meta.dirname, '../../src/store/level.ts'))})
      .then((store) => store.openLevelStore(${JSON.stringify(folder)})).catch((error) => console.log(error.code))`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], asNobody)
    expect(stdout).toBe('E_DATA_WRITE\n')
  })

  it('says that it is damaged when LevelDB finds so', async () => {
    const store = await openLevelStore(base)
    await store.write([{ key: 'k', value: utf8('v') }], { sync: true })
    await store.close()
    await writeFile(join(base, 'CURRENT'), 'nonsense')
    await expect(openLevelStore(base)).rejects.toEqual(failure('E_STATE'))
    await expect(openLevelStore(base)).rejects.toThrow(/move .* aside and start again/)
  })

  it('says so, too, when it opens and a table turns out to be damaged', async () => {
    let store = await openLevelStore(base)
    const batch = Array.from({ length: 50 }, (_, at) => ({ key: `k${at}`, value: utf8('v'.repeat(500)) }))
    await store.write(batch, { sync: true })
    await store.close()
    // The log of the last run becomes a table when it is opened again.
    store = await openLevelStore(base)
    await store.close()
    const table = (await readdir(base)).find((name) => name.endsWith('.ldb')) as string
    const bytes = await readFile(join(base, table))
    for (let at = 100; at < 200; at++) bytes[at] = (bytes[at] as number) ^ 0xff
    await writeFile(join(base, table), bytes)
    store = await openLevelStore(base)
    const damaged = { code: 'E_STATE', message: expect.stringMatching(/move .* aside and start again/) }
    await expect(store.entries('k')).rejects.toMatchObject(damaged)
    await expect(store.get('k0')).rejects.toMatchObject(damaged)
    await store.close()
  })

  it('goes on when it can be opened again after a batch that failed, and can be closed when it cannot', async () => {
    const store = await openLevelStore(base)
    const put = (key: string) => store.write([{ key, value: utf8(key) }], { sync: true })
    await put('a')
    vi.spyOn(Level.prototype, 'batch').mockRejectedValueOnce(new Error('no space left on device'))
    await expect(put('b')).rejects.toEqual(failure('E_DATA_WRITE'))
    // A folder that is gone cannot be opened.
    await rename(base, `${base}-gone`)
    await writeFile(base, '')
    await expect(put('c')).rejects.toEqual(failure('E_DATA_WRITE'))
    await expect(store.get('a')).rejects.toEqual(failure('E_DATA_WRITE'))
    await rm(base)
    await rename(`${base}-gone`, base)
    expect(await store.get('a')).toEqual(utf8('a'))
    await put('d')
    expect((await store.entries('')).map(({ key }) => key)).toEqual(['a', 'd'])
    vi.spyOn(Level.prototype, 'batch').mockRejectedValueOnce(new Error('no space left on device'))
    await expect(put('e')).rejects.toEqual(failure('E_DATA_WRITE'))
    await rename(base, `${base}-gone`)
    await writeFile(base, '')
    await expect(put('f')).rejects.toEqual(failure('E_DATA_WRITE'))
    await store.close()
    await rm(base)
    await rename(`${base}-gone`, base)
  })

  // Only a disk of its own can be filled, and only root can have one.
  it.skipIf(!namespaces)('keeps what is written after its disk was full, when the process is killed then', async () => {
    const script = join(import.meta.dirname, 'full-disk.ts')
    const { status, out } = await run(script, ['all', base], onDisk(base, 6 * 1024 * 1024))
    expect(status, out).toBe(0)
    const after = Array.from({ length: 20 }, (_, index) => `after${String(index).padStart(2, '0')}`)
    expect(JSON.parse(out)).toEqual({ failed: 5, read: 'before', kept: [...after, 'before'] })
  })
})
