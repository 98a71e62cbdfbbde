// `pimesh up` as a real process: how it starts, answers, is told to stop, and what stops it from starting.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { folder, pimesh, start } from './pimesh.ts'

/** A folder that has joined as the first node of a new mesh, offline, and listens on a free port of the loopback. */
async function joined(): Promise<string> {
  const base = await folder()
  await pimesh(['init', '--mesh', `${base}/mesh`])
  const { out } = await pimesh(['invite', '--first', '--zone', '/a', '--mesh', `${base}/mesh`])
  await pimesh(['join', '-', '--name', 'one', '--data', `${base}/data`], { input: out })
  await configure(`${base}/data`, 'listen = ["/ip4/127.0.0.1/tcp/0"]')
  return `${base}/data`
}

function configure(data: string, first: string): Promise<void> {
  return writeFile(`${data}/pimesh.toml`, `${first}\n[discovery]\nmdns = false\n`)
}

/** Starts `pimesh up` and waits until it says that it is up. */
async function running(data: string, ...more: string[]): Promise<ChildProcess> {
  const child = start(['up', '--data', data, ...more])
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stderr as Readable })
  for await (const line of lines) if (line.includes(' up: one ')) break
  child.stderr?.resume()
  return child
}

describe('a daemon', () => {
  it('answers, and SIGTERM ends it with exit status 0', async () => {
    const data = await joined()
    const child = await running(data)
    const status = JSON.parse((await pimesh(['status', '--data', data, '-o', 'json'])).out)
    expect(status).toMatchObject({ name: 'one', zone: '/a', incarnation: 1, process: { pid: child.pid } })
    expect(status.installRoot).toBe(`${data}/installed`)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(existsSync(apiSocket(data))).toBe(false)
  })

  it('says its addresses as an invite takes them, when it is up and in its status', async () => {
    const data = await joined()
    const child = start(['up', '--data', data])
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    for await (const line of createInterface({ input: child.stderr as Readable })) {
      said = line
      if (line.includes(' up: one ')) break
    }
    child.stderr?.resume()
    const { out } = await pimesh(['status', '--data', data])
    const address = /\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+/
    const shown = [said, /^listening .*$/m.exec(out)?.[0] ?? ''].map((text) => address.exec(text)?.[0] ?? 'none')
    for (const via of shown) {
      const mesh = `${data}/../mesh`
      const ran = await pimesh(['invite', '--zone', '/a', '--via', via, '--mesh', mesh, '-o', 'json'])
      expect(JSON.parse(ran.out)).toMatchObject({ via: [via] })
    }
    expect(shown[0]).toBe(shown[1])
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('ends with its lifeline', async () => {
    const data = await joined()
    const child = await running(data, '--lifeline')
    child.stdin?.end()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('goes on when nobody reads its log', async () => {
    const data = await joined()
    const child = await running(data)
    child.stderr?.destroy()
    child.stdout?.destroy()
    // Its first record may not be out yet.
    await expect
      .poll(async () => (await pimesh(['nodes', '--data', data])).out, { timeout: 20_000 })
      .toMatch(/^one +\/a +up /m)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('leaves for good when it is told to', async () => {
    const data = await joined()
    const child = await running(data)
    const exit = once(child, 'exit')
    expect(await pimesh(['leave', '--yes', '--data', data])).toMatchObject({
      status: 0,
      err: expect.stringMatching(/^releases that .* stay where they are\n$/),
    })
    expect(await exit).toEqual([0, null])
    expect(readdirSync(data)).toEqual(['pimesh.toml'])
    expect(await pimesh(['up', '--data', data])).toMatchObject({
      status: 1,
      err: expect.stringContaining('[E_NOT_JOINED]'),
    })
  })

  it('is not started twice in one folder, and the first one does not notice', async () => {
    const data = await joined()
    const child = await running(data)
    const second = await pimesh(['up', '--data', data])
    expect(second).toEqual({ status: 1, out: '', err: expect.stringMatching(/^pimesh: [^\n]*\[E_DATA_OPEN\]\n$/) })
    expect((await pimesh(['nodes', '--data', data])).status).toBe(0)
    child.kill('SIGTERM')
    await once(child, 'exit')
  })

  it('says what is wrong with its configuration, and with its port', async () => {
    const data = await joined()
    await configure(data, 'lisen = []')
    expect(await pimesh(['up', '--data', data])).toEqual({
      ...{ status: 2, out: '' },
      err: expect.stringMatching(/^pimesh: [^\n]*"lisen"[^\n]*"listen"[^\n]*\[E_CONFIG_KEY\]\n$/),
    })
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    await configure(data, `listen = ["/ip4/127.0.0.1/tcp/${port}"]`)
    expect(await pimesh(['up', '--data', data])).toEqual({
      ...{ status: 1, out: '' },
      err: expect.stringMatching(new RegExp(`^pimesh: [^\\n]*${port}[^\\n]*"listen"[^\\n]*\\[E_PORT_TAKEN\\]\\n$`)),
    })
    expect(existsSync(apiSocket(data))).toBe(false)
  })
})
