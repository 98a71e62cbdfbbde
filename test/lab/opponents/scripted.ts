// Clients that are libraries: a small program of ours in every node, `PROGRAM FOLDER PORT` and more, which says on its standard output that
// it is ready, takes the path of a torrent as a line on its standard input, and runs its hook when it has everything.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { Torrent } from './bittorrent.ts'
import type { Field, Stand } from './entry.ts'

const READY_BOUND = 60_000

/** @param program what is run, and its first words; after FOLDER, PORT and HOOK come `settings`. */
export async function scripted(
  field: Field,
  program: readonly [string, ...string[]],
  settings: string,
): Promise<Stand> {
  const torrent = await Torrent.prepare(field)
  const { publisher, nodes, file } = field
  const start = async (name: string, folder: string): Promise<ChildProcess> => {
    const [word, ...words] = program
    const own = [folder, String(torrent.port(name)), await torrent.hook(name), settings]
    const child = torrent.start(name, word, [...words, ...own])
    await once(child.stdout as NodeJS.ReadableStream, 'data', { signal: AbortSignal.timeout(READY_BOUND) })
    return child
  }
  const give = (child: ChildProcess) => child.stdin?.write(`${torrent.path}\n`)
  give(await start(publisher, dirname(file.path)))
  const children: ChildProcess[] = []
  for (const name of nodes) children.push(await start(name, torrent.folder(name)))
  await torrent.seeded()
  return {
    processes: torrent.processes,
    deliver: async (bound) => {
      const began = performance.now()
      for (const child of children) give(child)
      return { began, arrivals: await torrent.all(bound) }
    },
  }
}
