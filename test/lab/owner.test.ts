// A laboratory leaves nothing behind: however its owner ends, and also when all that should have removed it was killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { folderOf, laboratories, sweep } from './owner.ts'
import { ip, run, whyNot } from './shell.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const BOUND = 5_000

const held: { owner: ChildProcess; prefix: string }[] = []
afterEach(async () => {
  for (const { owner, prefix } of held.splice(0)) {
    owner.kill('SIGKILL')
    expect(await gone(prefix)).toBe(true)
  }
})

/** `npm run lab -- up` of a small network, and the prefix of what it made. */
async function hold(): Promise<{ owner: ChildProcess; prefix: string }> {
  const owner = spawn(process.execPath, [MAIN, 'up', '--bare', 'open:1', 'plain:2'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: owner.stdout as NodeJS.ReadableStream })) {
    const prefix = /^(pmlab[.]\S+[.]) stays until/.exec(line)?.[1]
    if (prefix === undefined) continue
    held.push({ owner, prefix })
    return { owner, prefix }
  }
  throw new Error('it ended before it stood')
}

async function gone(prefix: string): Promise<boolean> {
  const end = performance.now() + BOUND
  while (laboratories().includes(prefix)) {
    if (performance.now() > end) return false
    await pause(20)
  }
  return true
}

describe.skipIf(whyNot() !== undefined)('a laboratory', () => {
  it('is gone with its processes and files within seconds of the SIGKILL of its owner', async () => {
    const { owner, prefix } = await hold()
    const inside = spawn('ip', ['netns', 'exec', `${prefix}plain-1`, 'sleep', '600'], { stdio: 'ignore' })
    const ended = once(inside, 'exit')
    await pids(`${prefix}plain-1`)
    expect(laboratories()).toContain(prefix)
    owner.kill('SIGKILL')
    expect(await gone(prefix)).toBe(true)
    expect((await ended)[1]).toBe('SIGKILL')
    expect(existsSync(folderOf(prefix))).toBe(false)
    expect(await run('ip', ['netns', 'list'])).not.toContain(prefix)
  })

  it('is gone before its owner ends, when that was asked to', async () => {
    const { owner, prefix } = await hold()
    owner.kill('SIGTERM')
    expect(await once(owner, 'exit')).toEqual([0, null])
    expect(laboratories()).not.toContain(prefix)
  })

  it('of a dead owner is removed by whoever sweeps, and that of a living one is not', async () => {
    const { prefix } = await hold()
    const dead = spawn('true')
    await once(dead, 'exit')
    const abandoned = `pmlab.${dead.pid}.1.1.`
    await ip([`netns add ${abandoned}plain-1`])
    mkdirSync(folderOf(abandoned))
    expect(await sweep()).toContain(abandoned)
    expect(laboratories()).toContain(prefix)
    expect(laboratories()).not.toContain(abandoned)
  })
})

/** Waits until a process runs in the namespace. */
async function pids(namespace: string): Promise<void> {
  while ((await run('ip', ['netns', 'pids', namespace])) === '') await pause(20)
}
