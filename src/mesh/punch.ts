// A hole through two NATs: both ends connect to each other at the same time, each from the port of which it told where its NAT lets
// others in, so that each SYN finds the way that the other one opened. The two SYNs make one connection, without a
// listener. As both ends dialled, roles are agreed on before: one upgrades as who dialled, the other as who was dialled, and so
// noise, the gate, yamux and pairing know which they are, as on any other connection.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, MultiaddrConnection, Upgrader, UpgraderOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { PortTcp } from './tcp.ts'

/** Where to knock, and from which of our ports. */
export interface Target {
  /** Ends with /p2p/ID: nobody else is taken. */
  address: Multiaddr
  localPort: number
}

export type Upgrade = (socket: MultiaddrConnection, options: UpgraderOptions) => Promise<Connection>

export interface PunchOptions {
  tcp: PortTcp
  role: 'outbound' | 'inbound'
  /** As the role has it. */
  upgrade: Upgrade
  /** Whether an attempt that failed makes all others pointless: the gate refused. */
  isFinal: (error: unknown) => boolean
  signal: AbortSignal
  /** For how long connections are tried; those that came about may still be upgraded. */
  window?: Millis
}

/**
 * Knocks at all targets until one connection is upgraded; all others are closed.
 * Rejects with an error of the last try when the window is over, when the signal aborts, or when a failure is final.
 */
export async function punch(targets: readonly Target[], options: PunchOptions): Promise<Connection> {
  const over = new AbortController()
  const signal = AbortSignal.any([options.signal, over.signal])
  const window = AbortSignal.any([signal, AbortSignal.timeout(options.window ?? limits.punchWindow)])
  const bounded = within(signal, options.upgrade) // its time begins with its turn
  const upgrade = options.role === 'outbound' ? oneByOne(signal, bounded) : bounded
  const knocks = targets.map(async (target) => {
    try {
      return await knock(target, { ...options, window, upgrade })
    } catch (error) {
      if (options.isFinal(error)) over.abort(error)
      throw error
    }
  })
  try {
    return await Promise.any(knocks)
  } catch (error) {
    throw error instanceof AggregateError ? error.errors.at(-1) : error
  } finally {
    over.abort(new Failure('E_NO_MEMBER', 'another way through was found'))
    await Promise.allSettled(knocks)
  }
}

interface Knocking extends Omit<PunchOptions, 'window'> {
  /** Ends the connecting, not the upgrading. */
  window: AbortSignal
}

/**
 * A refusal (RST of a NAT that knows nothing of us yet) is tried again, after a moment that differs at both ends. Silence is not: TCP
 * itself sends the same SYN again, while a new one, or the lack of any where the other end's arrives, has a NAT that saw one SYN from
 * each side (Linux, SYN_SENT2) take all later ones for invalid, for two minutes.
 */
async function knock(target: Target, options: Knocking): Promise<Connection> {
  for (let tries = 1; ; tries++) {
    try {
      return await connect(target, options)
    } catch (error) {
      if (options.isFinal(error) || options.window.aborted || tries === limits.punchTries) throw error
      await sleep(Math.random() * limits.punchPause)
    }
  }
}

/** The signal of a dial destroys its socket even later: once connected, nothing but the upgrade may do that. */
async function connect({ address, localPort }: Target, { tcp, window, upgrade }: Knocking): Promise<Connection> {
  const connecting = new AbortController()
  const giveUp = () => connecting.abort()
  window.addEventListener('abort', giveUp)
  const connected = () => window.removeEventListener('abort', giveUp)
  const upgradeOutbound: Upgrade = (socket, options) => {
    connected()
    return upgrade(socket, options)
  }
  try {
    window.throwIfAborted()
    const { signal } = connecting
    return await tcp.dialFrom(localPort, address, { upgrader: { upgradeOutbound } as Upgrader, signal })
  } finally {
    connected()
  }
}

function within(signal: AbortSignal, upgrade: Upgrade): Upgrade {
  return (socket, options) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.addressDialTimeout)])
    return upgrade(socket, { ...options, signal: bounded })
  }
}

/** Who dials decides which of several connections is used: it speaks on one, and on the next when that came to nothing. */
function oneByOne(signal: AbortSignal, upgrade: Upgrade): Upgrade {
  let last: Promise<unknown> = Promise.resolve()
  return (socket, options) => {
    const next = last.then(() => {
      signal.throwIfAborted()
      return upgrade(socket, options)
    })
    last = next.catch(() => undefined)
    return next
  }
}
