// Another process for level.test.ts, on a small disk of its own. `all`: starts one that writes before, while and after that disk is
// full and is killed then, and tells what is left; `write`: that one.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { utf8 } from '../../src/core/bytes.ts'
import { openLevelStore } from '../../src/store/level.ts'

const [role = '', folder = ''] = process.argv.slice(2)
const [db, pad] = [join(folder, 'db'), join(folder, 'pad')]

if (role === 'write') await write()
else await tell()

async function write(): Promise<void> {
  const store = await openLevelStore(db)
  const put = (key: string, value: Uint8Array) => store.write([{ key, value }], { sync: true })
  await put('before', utf8('before'))
  const { bavail, bsize } = statfsSync(folder)
  writeFileSync(pad, Buffer.alloc(bavail * bsize - 4_096, 1))
  let failed = 0
  // The first tears the log; for the others it cannot be opened again.
  for (let at = 0; at < 5; at++) await put('big', new Uint8Array(20_000).fill(7)).catch(() => failed++)
  rmSync(pad)
  const read = Buffer.from((await store.get('before')) ?? []).toString()
  for (let at = 0; at < 20; at++) await put(`after${String(at).padStart(2, '0')}`, utf8(`${at}`))
  writeFileSync(join(folder, 'told'), JSON.stringify({ failed, read }))
  process.kill(process.pid, 'SIGKILL')
}

async function tell(): Promise<void> {
  try {
    execFileSync(process.execPath, [import.meta.filename, 'write', folder], { stdio: 'pipe' })
  } catch (error) {
    if ((error as { signal?: string }).signal !== 'SIGKILL') throw error
  }
  const store = await openLevelStore(db)
  const kept = (await store.entries('')).map(({ key }) => key)
  await store.close()
  process.stdout.write(JSON.stringify({ ...JSON.parse(readFileSync(join(folder, 'told'), 'utf8')), kept }))
}
