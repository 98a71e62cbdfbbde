// WebTorrent: the npm package, pinned and installed by the benchmarks as it is for the one over loopback.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { webtorrentReady } from '../../bench/fetch-webtorrent.ts'
import type { Entry } from './entry.ts'
import { scripted } from './scripted.ts'

const PEER = fileURLToPath(new URL('../../bench/webtorrent/lab-peer.js', import.meta.url))

/** @param strategy in which order a node asks for pieces; `sequential` is WebTorrent's own. */
export function webtorrent(strategy: 'sequential' | 'rarest'): Entry {
  return {
    missing: async () => {
      const ready = await webtorrentReady(spawn, (line) => process.stderr.write(`${line}\n`))
      return ready ? undefined : 'it could not be installed by npm'
    },
    prepare: (field) => scripted(field, [process.execPath, PEER], strategy),
  }
}
