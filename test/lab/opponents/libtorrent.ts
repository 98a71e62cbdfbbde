// libtorrent by its Python binding, which Debian has: a session with its defaults in every node, or one that knows of this network.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Entry } from './entry.ts'
import { scripted } from './scripted.ts'

/** Debian's: another one on the PATH has not Debian's packages. */
const PYTHON = '/usr/bin/python3'
const PEER = fileURLToPath(new URL('libtorrent-peer.py', import.meta.url))

export function libtorrent(): Entry {
  return {
    missing: async () => {
      const child = spawn(PYTHON, ['-c', 'import libtorrent'], { stdio: 'ignore' })
      const [status] = await once(child, 'close').catch(() => [1])
      return status === 0
        ? undefined
        : 'Debian\'s Python has no libtorrent ("apt-get install python3-libtorrent" brings it)'
    },
    prepare: (field) => scripted(field, [PYTHON, PEER], '{}'),
  }
}
