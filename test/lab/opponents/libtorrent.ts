// libtorrent by its Python binding, which Debian has: in every node a session with its defaults, or with settings for this very network.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Entry } from './entry.ts'
import { scripted } from './scripted.ts'

/** Debian's: another one on the PATH has not Debian's packages. */
const PYTHON = '/usr/bin/python3'
const PEER = fileURLToPath(new URL('libtorrent-peer.py', import.meta.url))
const LACKING = 'Debian\'s Python has no libtorrent ("apt-get install python3-libtorrent" brings it)'

/**
 * What somebody would change who knows that all members are friends and come at once: everybody is given to, and tried again soon. That
 * only one member behind an address is linked with from outside is left as it is: with all of them a site takes in twice as much.
 * Times are in seconds.
 */
const KNOWING = {
  unchoke_slots_limit: 16,
  min_reconnect_time: 2,
  local_service_announce_interval: 5,
  min_announce_interval: 5,
  connection_speed: 100,
}

/** `own`: its defaults; the others are tuned for the laboratory, over one transport. */
const LIBTORRENT_SETTINGS = {
  own: {},
  tcp: { ...KNOWING, enable_outgoing_utp: false, enable_incoming_utp: false },
  utp: { ...KNOWING, enable_outgoing_tcp: false, enable_incoming_tcp: false },
} as const

export function libtorrent(settings: keyof typeof LIBTORRENT_SETTINGS): Entry {
  return {
    missing: async () => {
      const child = spawn(PYTHON, ['-c', 'import libtorrent'], { stdio: 'ignore' })
      const [status] = await once(child, 'close').catch(() => [1])
      return status === 0 ? undefined : LACKING
    },
    prepare: (field) => scripted(field, [PYTHON, PEER], JSON.stringify(LIBTORRENT_SETTINGS[settings])),
  }
}
