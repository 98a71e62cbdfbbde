// aria2: a process for each node that is started with the torrent, as people use it, and stays to give to others.
import { dirname } from 'node:path'
import { lacking, Torrent } from './bittorrent.ts'
import type { Entry, Field, Stand } from './entry.ts'

const PROGRAM = 'aria2c'

export const aria2: Entry = {
  missing: () => lacking(PROGRAM, 'aria2'),
  prepare,
}

async function prepare(field: Field): Promise<Stand> {
  const torrent = await Torrent.prepare(field)
  const { publisher, nodes, file } = field
  torrent.start(
    publisher,
    PROGRAM,
    await words(torrent, publisher, ['--check-integrity', `--dir=${dirname(file.path)}`]),
  )
  await torrent.seeded()
  return {
    processes: torrent.processes,
    deliver: async (bound) => {
      const all = await Promise.all(
        nodes.map(async (name) => [name, await words(torrent, name, [`--dir=${torrent.folder(name)}`])] as const),
      )
      const began = performance.now()
      for (const [name, args] of all) torrent.start(name, PROGRAM, args)
      return { began, arrivals: await torrent.all(bound) }
    },
  }
}

async function words(torrent: Torrent, name: string, more: readonly string[]): Promise<string[]> {
  return [
    '--no-conf',
    '--quiet',
    '--enable-dht=false',
    '--enable-dht6=false',
    '--bt-enable-lpd=true',
    `--listen-port=${torrent.port(name)}`,
    '--seed-ratio=0.0',
    `--on-bt-download-complete=${await torrent.hook(name)}`,
    ...more,
    torrent.path,
  ]
}
