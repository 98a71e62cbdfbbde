// The laboratory by hand: npm run lab -- up SITE... builds one and holds it until Ctrl-C; other terminals look into it with exec.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { BIN } from './daemons.ts'
import { KINDS, parseSite } from './description.ts'
import { Lab } from './lab.ts'
import { ORDERS, obey } from './orders.ts'
import { folderOf, isOwned, laboratories, laboratoryWith, ownerOf, sweep } from './owner.ts'

const USAGE = `usage: npm run lab -- up [--bare] SITE...   build it, run a daemon in every node (none with --bare), hold it until Ctrl-C
       npm run lab -- exec NODE WORDS...   run a program there; "pimesh ..." is this checkout's, on that node's data
       npm run lab -- list | down | sweep  what is there; end all; remove what a killed owner left
SITE is KIND[:NODES][,KEY=VALUE]..., with the keys name, up and down (Mbit/s), multicast=off, lan, zone, starts (seconds, or asked):
${Object.entries(KINDS)
  .map(([kind, meaning]) => `  ${kind.padEnd(7)} ${meaning}`)
  .join('\n')}
for example: npm run lab -- up open:2,name=pub plain:3,up=10,down=50 random:1 tcp443:1,multicast=off`

const POLL = 100
const verbs: Record<string, (words: string[]) => Promise<void>> = { up, exec, list, down, sweep: sweepAll }

const [verb = '', ...words] = process.argv.slice(2)
try {
  const action = verbs[verb]
  if (action === undefined) throw new Error(USAGE)
  await action(words)
} catch (error) {
  process.stderr.write(`lab: ${(error as Error).message}\n`)
  process.exitCode = 1
}

async function up(words: string[]): Promise<void> {
  const ended = Promise.withResolvers<void>()
  const sites = words.filter((word) => word !== '--bare').map(parseSite)
  const lab = await Lab.up(sites, { bare: words.includes('--bare') })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve())
  for (const name of lab.nodes()) say(`${name.padEnd(16)} data in ${lab.daemons.path(name)}`)
  say(`${lab.network.prefix} stays until Ctrl-C; here: ${ORDERS}`)
  const orders = createInterface({ input: process.stdin })
  orders.on('line', (line) => {
    obey(lab, line, say).catch((error) => say(error.message))
  })
  await ended.promise
  orders.close()
  await lab.dispose()
}

/** Runs in the newest laboratory that has such a node. */
async function exec([name = '', ...words]: string[]): Promise<void> {
  if (words.length === 0) throw new Error(USAGE)
  const prefix = laboratoryWith(name)
  if (prefix === undefined) throw new Error(`no laboratory has a node "${name}": "npm run lab -- up" builds one`)
  const [program, ...args] = words[0] === 'pimesh' ? [process.execPath, BIN, ...words.slice(1)] : words
  const env = { ...process.env, PIMESH_DATA: join(folderOf(prefix), name), PIMESH_MESH: join(folderOf(prefix), 'mesh') }
  const child = spawn('ip', ['netns', 'exec', `${prefix}${name}`, program as string, ...args], {
    stdio: 'inherit',
    env,
  })
  const [status] = await once(child, 'exit')
  process.exitCode = status ?? 1
}

async function list(): Promise<void> {
  for (const prefix of laboratories()) {
    const owner = isOwned(prefix) ? `held by process ${ownerOf(prefix)}` : 'left by a dead process'
    say(`${prefix} ${owner}, ${folderOf(prefix)}`)
  }
}

async function down(): Promise<void> {
  const held = laboratories().filter(isOwned)
  for (const prefix of held) process.kill(ownerOf(prefix), 'SIGTERM')
  while (laboratories().some((prefix) => held.includes(prefix))) await pause(POLL)
  await sweepAll()
}

async function sweepAll(): Promise<void> {
  for (const prefix of await sweep()) say(`removed ${prefix}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
