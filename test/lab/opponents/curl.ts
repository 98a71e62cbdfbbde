// curl from nginx: every node takes the whole file from the publisher. What it costs to do nothing about it.
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { addressOf } from '../plan.ts'
import { isListening, lacking } from './bittorrent.ts'
import type { Arrival, Entry, Field, Stand } from './entry.ts'

const PORT = 80
const POLL = 50
const READY_BOUND = 30_000
/** Paths for what nginx makes room for though it only serves a file. */
const PATHS = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

export const curl: Entry = {
  missing: async () => (await lacking('curl', 'curl')) ?? (await lacking('nginx', 'nginx-light')),
  prepare,
}

async function prepare(field: Field): Promise<Stand> {
  const { network, publisher, nodes, file } = field
  const processes = new Map([[publisher, await serve(field)]])
  for (const name of nodes) await mkdir(join(network.folder, name))
  const host = addressOf(network.site(network.node(publisher).site), network.node(publisher))
  const url = `http://${host}/${basename(file.path)}`
  const fetched = async (name: string, bound: number): Promise<[string, Arrival]> => {
    const path = join(network.folder, name, basename(file.path))
    const words = ['--disable', '--silent', '--max-time', String(bound / 1000), '--output', path, url]
    const child = network.exec(name, 'curl', words, { stdio: 'ignore' })
    processes.set(name, child.pid as number)
    const [status] = await once(child, 'exit')
    if (status !== 0) throw new Error(`curl of ${name} ended with ${status}`)
    return [name, { at: performance.now(), path }]
  }
  return {
    processes,
    deliver: async (bound) => {
      const began = performance.now()
      return { began, arrivals: new Map(await Promise.all(nodes.map((name) => fetched(name, bound)))) }
    },
  }
}

/** Resolves to the process id of nginx when it listens. */
async function serve({ network, publisher, file }: Field): Promise<number> {
  const folder = join(network.folder, publisher)
  await mkdir(folder)
  const config = [
    ...['daemon off;', 'user root;', `pid ${folder}/pid;`, `error_log ${folder}/log;`, 'events {}'],
    `http { access_log off; ${PATHS.map((path) => `${path}_temp_path ${folder}/${path};`).join(' ')}`,
    `server { listen ${PORT}; root ${dirname(file.path)}; } }`,
  ]
  await writeFile(join(folder, 'nginx.conf'), config.join('\n'))
  const words = ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'log')]
  const pid = network.exec(publisher, 'nginx', words, { stdio: 'ignore' }).pid as number
  const end = performance.now() + READY_BOUND
  while (!(await isListening(pid, PORT))) {
    if (performance.now() > end) throw new Error(`nginx does not listen within ${READY_BOUND / 1000} s`)
    await pause(POLL)
  }
  return pid
}
