// The same transfer by WebTorrent: one process that seeds, others that leech, over plain TCP on loopback. It is no dependency of
// pimesh: it is installed into its own folder when the benchmark runs, and left out when that is impossible.
import type { ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sha256 } from './artifact.ts'
import { CpuWatch, cpuMs, processReading } from './processes.ts'
import type { Transfer } from './transfer.ts'

const FOLDER = fileURLToPath(new URL('webtorrent', import.meta.url))
/** npm writes it when an installation is complete. */
const INSTALLED = join(FOLDER, 'node_modules', '.package-lock.json')
const INSTALL_BOUND = 180_000
const BOUND = 180_000

/** True when WebTorrent is there, after installing it if need be. */
export async function webtorrentReady(launch: typeof spawn, say: (line: string) => void): Promise<boolean> {
  if (existsSync(INSTALLED)) return true
  say(`installing WebTorrent into ${FOLDER}, to measure beside it (npm ci --ignore-scripts)`)
  const npm = process.env.npm_execpath
  const [program, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
  const args = [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const child = launch(program as string, args, {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_BOUND,
  })
  const [code] = await once(child, 'close').catch((error: Error) => [error.message])
  if (code === 0 && existsSync(INSTALLED)) return true
  say(`WebTorrent could not be installed (${code}): measuring without it`)
  return false
}

/** What a peer says on its standard output; see webtorrent/peer.js. */
interface Message {
  ready?: number
  torrent?: string
  done?: boolean
}

interface Peer {
  pid: number
  /** Of the first message. */
  ready: Message
  port: number
  /** Moment of performance.now(); rejects when it ended before. */
  done: Promise<number>
  connect(addresses: readonly string[]): void
}

/** Transfers the file to `receivers` processes that know each other. `folder` is used for what they write, and left without it. */
export async function deliverByWebtorrent(
  file: { path: string; hash: string },
  { folder, receivers, launch }: { folder: string; receivers: number; launch: typeof spawn },
): Promise<Transfer> {
  const children: ChildProcess[] = []
  const start = (...args: string[]) => startPeer(launch, args, children)
  let watch: CpuWatch | undefined
  try {
    const started = performance.now()
    const sender = await start('seed', file.path)
    const leechers: Peer[] = []
    for (let at = 0; at < receivers; at++) {
      await mkdir(place(folder, at), { recursive: true })
      leechers.push(await start('leech', place(folder, at), sender.ready.torrent as string))
    }
    const peers = [sender, ...leechers]
    watch = new CpuWatch(peers.map(({ pid }) => pid))
    const began = performance.now()
    for (const leecher of leechers)
      leecher.connect(peers.filter((peer) => peer !== leecher).map(({ port }) => `127.0.0.1:${port}`))
    const ended = Math.max(...(await Promise.all(leechers.map(({ done }) => done))))
    watch.stop()
    const [senderPeak, ...receiverPeaks] = peers.map(({ pid }) => processReading(pid).peakRssBytes)
    const wholeCpuSeconds = peers.reduce((sum, { pid }) => sum + cpuMs(pid), 0) / 1000
    await stop(children)
    for (let at = 0; at < receivers; at++) {
      if ((await sha256(join(place(folder, at), basename(file.path)))) !== file.hash)
        throw new Error('what WebTorrent transferred is not the artifact')
    }
    return {
      began,
      seconds: (ended - began) / 1000,
      cpuSeconds: watch.between(began, ended) / 1000,
      wholeSeconds: (ended - started) / 1000,
      wholeCpuSeconds,
      installedSeconds: null,
      installedCpuSeconds: null,
      senderPeakRssBytes: senderPeak as number,
      receiverPeakRssBytes: receiverPeaks,
    }
  } finally {
    watch?.stop()
    await stop(children)
    for (let at = 0; at < receivers; at++) await rm(place(folder, at), { recursive: true, force: true })
  }
}

function place(folder: string, at: number): string {
  return join(folder, `leech${at}`)
}

/** Resolves when it is ready: what it sends is hashed, or it knows what to fetch. */
async function startPeer(launch: typeof spawn, args: readonly string[], children: ChildProcess[]): Promise<Peer> {
  const child = launch(process.execPath, [join(FOLDER, 'peer.js'), ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const ready = Promise.withResolvers<Message>()
  const done = Promise.withResolvers<number>()
  done.promise.catch(() => undefined)
  const fail = (error: Error) => {
    ready.reject(error)
    done.reject(error)
  }
  const timer = setTimeout(() => fail(new Error(`WebTorrent: not within ${BOUND / 1000} s`)), BOUND)
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const message = JSON.parse(line) as Message
    if (message.ready !== undefined) ready.resolve(message)
    if (message.done) done.resolve(performance.now())
  })
  child.stdin?.on('error', () => undefined)
  child.once('error', fail)
  child.once('exit', (code) => {
    clearTimeout(timer)
    fail(new Error(`WebTorrent ended with ${code}`))
  })
  const first = await ready.promise
  return {
    pid: child.pid as number,
    ready: first,
    port: first.ready as number,
    done: done.promise,
    connect: (addresses) => child.stdin?.write(`${addresses.join(' ')}\n`),
  }
}

/** The end of its standard input ends a peer. */
async function stop(children: ChildProcess[]): Promise<void> {
  const ending = children.splice(0).filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  const ends = ending.map((child) => once(child, 'exit'))
  for (const child of ending) child.stdin?.end()
  await Promise.all(ends)
}
