// The programs that make a laboratory: ip, tc, nft. Each is given many lines at once, because starting one costs more than what it does.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** What is asked of a kernel before a laboratory is built on it: a namespace of its own, a NAT, counters and a rate. */
const TRIAL = `set -e
printf 'add table inet t\\nadd chain inet t n { type nat hook postrouting priority 100; }\\nadd rule inet t n masquerade fully-random\\n' | nft -f -
ip link add name t0 type veth peer name t1
tc qdisc add dev t0 root tbf rate 1mbit burst 16kb latency 100ms`

let answer: { reason: string | undefined } | undefined

/** One sentence about why no laboratory can be built on this machine; undefined when one can. */
export function whyNot(): string | undefined {
  answer ??= { reason: tried() }
  return answer.reason
}

function tried(): string | undefined {
  if (process.getuid?.() !== 0) return 'the laboratory needs root, for network namespaces'
  try {
    execFileSync('unshare', ['--net', 'sh', '-c', TRIAL], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? error)
      .trim()
      .split('\n')[0]
    return `the laboratory needs ip, tc, nft and a kernel that lets them be used (apt-get install iproute2 nftables): ${said}`
  }
  return undefined
}

/** Runs a program to its end and resolves to what it printed. Rejects with what it complained of. */
export async function run(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => undefined).end(input)
  const [[status], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  if (status === 0) return out
  throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${err.trim()}\n${input}`)
}

/** Lines for `ip`, without the word itself; in a namespace, or in that of this machine. */
export async function ip(lines: readonly string[], namespace?: string): Promise<string> {
  if (lines.length === 0) return ''
  return await run(
    'ip',
    [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'],
    `${lines.join('\n')}\n`,
  )
}

export async function tc(lines: readonly string[], namespace: string): Promise<void> {
  if (lines.length > 0) await run('tc', ['-n', namespace, '-batch', '-'], `${lines.join('\n')}\n`)
}

/** Runs a shell script in a namespace. */
export async function script(lines: readonly string[], namespace: string): Promise<void> {
  await run('ip', ['netns', 'exec', namespace, 'sh', '-e'], `${lines.join('\n')}\n`)
}

/** Does something with each, a few at a time: two cores gain nothing from more. */
export async function each<T>(items: Iterable<T>, action: (item: T) => Promise<unknown>, atOnce = 4): Promise<void> {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await action(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
