// transmission: its daemon in every node, with what a person would leave as it is left as it is.
import { copyFile, mkdir, readdir, readlink, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isListening, lacking, Torrent } from './bittorrent.ts'
import type { Entry, Field, Stand } from './entry.ts'

const PROGRAM = 'transmission-daemon'
const POLL = 50
const READY_BOUND = 30_000

export const transmission: Entry = {
  missing: () => lacking(PROGRAM, 'transmission-daemon'),
  prepare,
}

async function prepare(field: Field): Promise<Stand> {
  const torrent = await Torrent.prepare(field)
  const { publisher, nodes, file } = field
  await start(torrent, publisher, dirname(file.path))
  await give(torrent, publisher)
  await Promise.all(nodes.map((name) => start(torrent, name, torrent.folder(name))))
  await torrent.seeded()
  return {
    processes: torrent.processes,
    deliver: async (bound) => {
      const began = performance.now()
      await Promise.all(nodes.map((name) => give(torrent, name)))
      return { began, arrivals: await torrent.all(bound) }
    },
  }
}

/** Resolves when it waits for peers, and for torrents in its folder. */
async function start(torrent: Torrent, name: string, downloads: string): Promise<void> {
  const config = join(torrent.folder(name), 'config')
  await mkdir(config)
  await mkdir(watched(torrent, name))
  const settings = {
    'dht-enabled': false,
    'lpd-enabled': true,
    'pex-enabled': true,
    'utp-enabled': true,
    'port-forwarding-enabled': false,
    'peer-port': torrent.port(name),
    'rpc-enabled': false,
    'download-dir': downloads,
    'watch-dir-enabled': true,
    'watch-dir': watched(torrent, name),
    'script-torrent-done-enabled': true,
    'script-torrent-done-filename': await torrent.hook(name),
  }
  await writeFile(join(config, 'settings.json'), JSON.stringify(settings))
  const { pid } = torrent.start(name, PROGRAM, ['--foreground', '--config-dir', config])
  const end = performance.now() + READY_BOUND
  while (!((await isListening(pid as number, torrent.port(name))) && (await watches(pid as number)))) {
    if (performance.now() > end) throw new Error(`${PROGRAM} of ${name} is not ready in ${READY_BOUND / 1000} s`)
    await pause(POLL)
  }
}

function watched(torrent: Torrent, name: string): string {
  return join(torrent.folder(name), 'torrents')
}

/** Whether it has asked the kernel to be told of files. */
async function watches(pid: number): Promise<boolean> {
  const files = `/proc/${pid}/fd`
  const names = await readdir(files).catch(() => [])
  const links = await Promise.all(names.map((name) => readlink(join(files, name)).catch(() => '')))
  return links.includes('anon_inode:inotify')
}

/** Puts the torrent into its folder in one moment. */
async function give(torrent: Torrent, name: string): Promise<void> {
  const half = join(torrent.folder(name), 'artifact.torrent')
  await copyFile(torrent.path, half)
  await rename(half, join(watched(torrent, name), 'artifact.torrent'))
}
