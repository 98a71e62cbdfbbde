// Discovery for real: two processes in two network namespaces with one cable between them find each other by mDNS alone.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const NODE = fileURLToPath(new URL('./mdns-node.ts', import.meta.url))
const reason = whyNot()
if (reason !== undefined) console.warn(`mDNS is not tested: ${reason}`)

const running: ChildProcess[] = []
afterEach(async () => {
  const ends = running.map((child) => (child.exitCode === null ? once(child, 'exit') : undefined))
  for (const child of running.splice(0)) child.stdin?.end()
  await Promise.all(ends)
})

test.skipIf(reason !== undefined)('two nodes of one LAN find each other, link, and stop without a trace', async () => {
  const [left, right] = [await namespace(), await namespace()]
  cable(left, right)
  const a = startIn(left)
  const b = startIn(right)
  const [{ id: idOfA }, { id: idOfB }] = [await a.until('started'), await b.until('started')] as [Line, Line]
  expect(await a.until('connected')).toMatchObject({ peer: idOfB })
  expect(await b.until('connected')).toMatchObject({ peer: idOfA })
  const found = [...a.lines, ...b.lines].find(({ type, source }) => type === 'discovered' && source === 'mdns')
  expect(found?.addresses).toEqual([expect.stringMatching(/^\/ip4\/10\.77\.0\.[12]\/tcp\/\d+$/), expect.anything()])
  a.child.stdin?.end()
  await b.until('disconnected')
  expect(await once(a.child, 'exit')).toEqual([0, null])
})

interface Line {
  type: string
  id?: string
  peer?: string
  source?: string
  addresses?: string[]
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'it needs root on Linux, for a network of its own'
  try {
    execFileSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'unshare and ip are needed, and a kernel that lets them make a network'
  }
}

/** A network namespace, held by a process that ends with its input. Resolves with that process's id. */
async function namespace(): Promise<number> {
  const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo ready; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  running.push(holder)
  await once(holder.stdout, 'data')
  return holder.pid as number
}

function cable(left: number, right: number): void {
  inside(left, `ip link add eth0 type veth peer name eth0 netns ${right}`)
  for (const [i, pid] of [left, right].entries()) {
    inside(pid, `ip addr add 10.77.0.${i + 1}/24 dev eth0`)
    inside(pid, 'ip link set lo up')
    inside(pid, 'ip link set eth0 up')
  }
  for (const pid of [left, right]) inside(pid, 'ip route add default via 10.77.0.254')
}

function inside(pid: number, command: string): void {
  execFileSync('nsenter', ['-t', String(pid), '-n', ...command.split(' ')])
}

function startIn(pid: number) {
  const child = spawn('nsenter', ['-t', String(pid), '-n', process.execPath, NODE], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  running.push(child)
  const lines: Line[] = []
  const reader = createInterface(child.stdout)
  reader.on('line', (line) => lines.push(JSON.parse(line)))
  const until = async (type: string): Promise<Line> => {
    for (;;) {
      const line = lines.find((each) => each.type === type)
      if (line !== undefined) return line
      await once(reader, 'line')
    }
  }
  return { child, lines, until }
}
