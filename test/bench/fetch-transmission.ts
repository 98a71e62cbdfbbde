// The same transfer by transmission: its daemon for each peer, and a tracker by which they find each other. It takes no peers at
// 127.0.0.1, so all run in a network namespace of their own, each at an address of its own on the loopback device there.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isListening, lacking } from '../lab/opponents/bittorrent.ts'
import { torrentOf } from '../lab/opponents/torrent.ts'
import type { Announcement } from '../lab/opponents/tracker.ts'
import { sha256 } from './artifact.ts'
import { CpuWatch, cpuMs, processReading } from './processes.ts'
import type { Transfer } from './transfer.ts'

const PROGRAM = 'transmission-daemon'
const TRACKER = fileURLToPath(new URL('../lab/opponents/tracker.ts', import.meta.url))
const TRACKER_PORT = 6969
const PORT = 51413
const BOUND = 180_000
const POLL = 50

/** True when it can be measured here; says why not. */
export async function transmissionReady(say: (line: string) => void): Promise<boolean> {
  const missing = process.getuid?.() === 0 ? await lacking(PROGRAM, PROGRAM) : 'a namespace needs root'
  if (missing !== undefined) say(`measuring without transmission: ${missing}`)
  return missing === undefined
}

const addressOf = (at: number) => `10.77.0.${at + 1}`

/** What a transfer has of its own, and what ends with it. */
interface Stage {
  folder: string
  namespace: string
  children: ChildProcess[]
  /** Resolves when the sender has told the tracker that it has everything. */
  seeding: Promise<void>
}

/** Transfers the file to `receivers` daemons. `folder` is used for what they write, and left without it. */
export async function deliverByTransmission(
  file: { path: string; hash: string },
  options: { folder: string; receivers: number },
): Promise<Transfer> {
  const folder = join(options.folder, 'transmission')
  const stage: Stage = { folder, namespace: `bench${process.pid}`, children: [], seeding: Promise.resolve() }
  let cpu: CpuWatch | undefined
  try {
    await mkdir(join(folder, 'done'), { recursive: true })
    await makeNamespace(stage.namespace, options.receivers)
    await writeFile(join(folder, 'artifact.torrent'), await torrentOf(file.path, trackerUrl()))
    stage.seeding = (await startTracker(stage)).seeding
    const started = performance.now()
    const sender = await startPeer(stage, 0, dirname(file.path))
    await give(stage, 0)
    const receivers: number[] = []
    for (let at = 1; at <= options.receivers; at++) receivers.push(await startPeer(stage, at, place(stage, at)))
    await stage.seeding
    const pids = [sender, ...receivers]
    cpu = new CpuWatch(pids)
    const done = allDone(stage, options.receivers)
    const began = performance.now()
    for (let at = 1; at <= options.receivers; at++) await give(stage, at)
    const ended = await done
    cpu.stop()
    const [senderPeakRssBytes, ...receiverPeakRssBytes] = pids.map((pid) => processReading(pid).peakRssBytes)
    const wholeCpuSeconds = pids.reduce((sum, pid) => sum + cpuMs(pid), 0) / 1000
    for (let at = 1; at <= options.receivers; at++)
      if ((await sha256(join(place(stage, at), basename(file.path)))) !== file.hash)
        throw new Error('what transmission transferred is not the artifact')
    return {
      began,
      seconds: (ended - began) / 1000,
      cpuSeconds: cpu.between(began, ended) / 1000,
      wholeSeconds: (ended - started) / 1000,
      wholeCpuSeconds,
      installedSeconds: null,
      installedCpuSeconds: null,
      senderPeakRssBytes: senderPeakRssBytes as number,
      receiverPeakRssBytes,
    }
  } finally {
    cpu?.stop()
    await clear(stage)
  }
}

function trackerUrl(): string {
  return `http://${addressOf(0)}:${TRACKER_PORT}/announce`
}

function place({ folder }: Stage, at: number): string {
  return join(folder, `peer${at}`)
}

async function makeNamespace(namespace: string, receivers: number): Promise<void> {
  await ip('netns', 'add', namespace)
  await ip('-n', namespace, 'link', 'set', 'lo', 'up')
  for (let at = 0; at <= receivers; at++)
    await ip('-n', namespace, 'address', 'add', `${addressOf(at)}/32`, 'dev', 'lo')
}

async function ip(...words: string[]): Promise<void> {
  const [status] = await once(spawn('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] }), 'close')
  if (status !== 0) throw new Error(`ip ${words.join(' ')} ended with ${status}`)
}

function start(stage: Stage, program: string, ...args: string[]): ChildProcess {
  const words = ['netns', 'exec', stage.namespace, program, ...args]
  const child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, HOME: stage.folder } })
  stage.children.push(child)
  return child
}

async function startTracker(stage: Stage): Promise<Pick<Stage, 'seeding'>> {
  const child = start(stage, process.execPath, TRACKER, String(TRACKER_PORT))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  await once(lines, 'line')
  const seeding = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if ((JSON.parse(line) as Announcement).left === 0) resolve()
    })
  })
  return { seeding }
}

/** Resolves with its process when it waits for peers. Encryption, queues and limits are as they come. */
async function startPeer(stage: Stage, at: number, downloads: string): Promise<number> {
  const config = join(place(stage, at), 'config')
  await mkdir(config, { recursive: true })
  await mkdir(join(place(stage, at), 'torrents'))
  const hook = join(place(stage, at), 'done.sh')
  await writeFile(hook, `#!/bin/sh\n: > '${join(stage.folder, 'done', String(at))}'\n`, { mode: 0o755 })
  const settings = {
    'bind-address-ipv4': addressOf(at),
    'dht-enabled': false,
    'lpd-enabled': false,
    'port-forwarding-enabled': false,
    'utp-enabled': false,
    'peer-port': PORT,
    'rpc-enabled': false,
    'download-dir': downloads,
    'watch-dir-enabled': true,
    'watch-dir': join(place(stage, at), 'torrents'),
    'script-torrent-done-enabled': true,
    'script-torrent-done-filename': hook,
  }
  await writeFile(join(config, 'settings.json'), JSON.stringify(settings))
  const { pid } = start(stage, PROGRAM, '--foreground', '--config-dir', config)
  for (const end = performance.now() + BOUND; !(await isListening(pid as number, PORT)); await pause(POLL))
    if (performance.now() > end) throw new Error(`${PROGRAM} is not ready within ${BOUND / 1000} s`)
  return pid as number
}

/** Puts the torrent into the folder that the daemon watches, in one moment. */
async function give(stage: Stage, at: number): Promise<void> {
  const half = join(place(stage, at), 'artifact.torrent')
  await copyFile(join(stage.folder, 'artifact.torrent'), half)
  await rename(half, join(place(stage, at), 'torrents', 'artifact.torrent'))
}

/** Resolves with the moment at which the last one had everything. */
function allDone({ folder }: Stage, receivers: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  promise.catch(() => undefined)
  const isDone = (_: unknown, at: number) => existsSync(join(folder, 'done', String(at + 1)))
  const timer = setTimeout(() => reject(new Error(`transmission: not within ${BOUND / 1000} s`)), BOUND)
  const watcher = watch(join(folder, 'done'), () => {
    if (Array.from({ length: receivers }).every(isDone)) resolve(performance.now())
  })
  return promise.finally(() => {
    watcher.close()
    clearTimeout(timer)
  })
}

async function clear({ children, namespace, folder }: Stage): Promise<void> {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  const ends = running.map((child) => once(child, 'exit'))
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(ends)
  await ip('netns', 'delete', namespace).catch(() => undefined)
  await rm(folder, { recursive: true, force: true })
}
