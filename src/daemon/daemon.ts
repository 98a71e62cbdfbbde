// A running daemon: opens the data folder, composes the ports around a core, and ends in order. Nodes and operators'
// peers differ only in what their membership allows.
import { resolve } from 'node:path'
import { openArtifacts } from '../artifact/store.ts'
import type { Input } from '../core/events.ts'
import { isOwnName } from '../core/fleet/local-metrics.ts'
import { NodeCore } from '../core/node.ts'
import type { NodeEvent } from '../core/node-events.ts'
import type { Membership } from '../core/trust/documents.ts'
import { fileInstaller } from '../install/file.ts'
import { makeSigner } from '../keys/ed25519.ts'
import { cryptoEnv } from '../keys/env.ts'
import { type Mesh, startMesh } from '../mesh/node.ts'
import type { LinkEvents } from '../ports/links.ts'
import type { Facts } from '../ports/probe.ts'
import type { CollectorsConfig } from '../probe/collectors/collectors.ts'
import { openProbe } from '../probe/probe.ts'
import type { Signatory } from '../wire/signed.ts'
import type { SavedState } from '../wire/state.ts'
import { type ApiBackend, createApiServer } from './api-server.ts'
import { createBackend } from './backend.ts'
import { readBeaconKey } from './beacon-key.ts'
import { systemClock } from './clock.ts'
import { Closers } from './closers.ts'
import type { Config } from './config.ts'
import { Driver, type Ports, type Sampled } from './driver.ts'
import { enrolment } from './enrolment.ts'
import { EventLog } from './event-log.ts'
import { type Joined, needWritable, paths, readJoined, sweep, wipe } from './folder.ts'
import { foundArtifacts, foundInstalls, sweptArtifacts } from './found.ts'
import { memberGate } from './gate.ts'
import { serveMetrics } from './metrics/listener.ts'
import { publishing } from './published.ts'
import { bootstrap, machineFacts, ownMembership, setupOf } from './setup.ts'
import { openState } from './state.ts'
import { Submissions } from './submissions.ts'

export interface DaemonOptions {
  data: string
  config: Config
  version: string
  /** Takes one line of the log. */
  log: (line: string) => void
}

/** Starts the daemon of a folder that has joined. Fails with one sentence, and with everything closed again. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const joined = await readJoined(options.data)
  const beaconKey = readBeaconKey(options.data, options.config.beacon.key)
  await needWritable(options.data)
  const closers = new Closers()
  try {
    const { store, state: saved, notes } = await openState(paths(options.data).db, joined)
    closers.add(() => store.close())
    await sweep(options.data)
    const probe = await openProbe({ dataFolder: options.data, collectors: collectorsOf(options) })
    closers.add(() => probe.close())
    const artifacts = await openArtifacts({ folder: paths(options.data).artifacts })
    closers.add(() => artifacts.close())
    const names = await sweptArtifacts(artifacts, saved)
    const installer = fileInstaller({ root: installFolder(options) })
    const found = await foundInstalls(saved.installs, installer)
    notes.push(...found.notes)
    const state = {
      ...saved,
      installs: found.installs,
      artifacts: await foundArtifacts(saved, names, { artifacts, store }),
    }
    const daemon = new Daemon(options, joined, { state, facts: probe.facts(), beaconKey }, closers)
    for (const note of notes) daemon.note(note)
    await daemon.start({ store, probe, artifacts, installer })
    return daemon
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** What was in the data folder and on the machine. */
interface Found {
  state: SavedState
  facts: Facts
  beaconKey: Signatory | undefined
}

export class Daemon {
  readonly #options: DaemonOptions
  readonly #joined: Joined
  readonly #beaconKey: Signatory | undefined
  readonly #closers: Closers
  readonly #clock = systemClock()
  readonly #startedAt = performance.now()
  readonly #core: NodeCore
  readonly #log: EventLog
  readonly #driver = Promise.withResolvers<Driver>()
  readonly #ended = Promise.withResolvers<void>()
  #feed: (input: Input) => void
  /** What the mesh says before the node may act. */
  readonly #early: Input[] = []
  #credential: Membership
  #cpuToFirstHeartbeat: number | null = null
  #sample: Sampled | undefined
  #stopping: Promise<void> | undefined
  /** Where it could be dialled from outside in the run before. */
  readonly #reachable: readonly string[]
  #listening: readonly string[] = []

  constructor(options: DaemonOptions, joined: Joined, found: Found, closers: Closers) {
    const { state, facts, beaconKey } = found
    this.#reachable = state.reachable
    this.#beaconKey = beaconKey
    this.#options = options
    this.#joined = joined
    this.#closers = closers
    this.#feed = (input) => this.#early.push(input)
    this.#credential = ownMembership(joined, state)
    this.#core = new NodeCore(
      cryptoEnv(Math.random),
      {
        ...setupOf(joined, state, this.#credential, options.config),
        facts: machineFacts(facts),
        version: options.version,
        ...(beaconKey && { beaconKey: beaconKey.keyId }),
      },
      this.#clock.now(),
    )
    const nameOf = (node: string) => this.#core.membershipOf(node)?.claims.name ?? node
    this.#log = new EventLog({ level: options.config.log.level, write: options.log, nameOf, now: this.#clock.now })
  }

  /** Logs what was wrong with the state that was found. */
  note(text: string): void {
    this.#log.say('error', 'state', text)
  }

  /** What people call this node. */
  get membership(): Membership {
    return this.#credential
  }

  /** Multiaddrs on which this node listens. */
  get listening(): readonly string[] {
    return this.#listening
  }

  /** Resolves when the daemon has ended, whoever asked for it. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Brings up mesh, local API and driver, in this order: nothing is said to the mesh by a node that cannot start. */
  async start(local: Pick<Ports, 'store' | 'probe' | 'artifacts' | 'installer'>): Promise<void> {
    const { config, data } = this.#options
    const wired = Promise.withResolvers<{ driver: Driver; ports: Ports }>()
    const mesh = await this.#startMesh(async ({ gossip, streams, links, pieces, directory }) => {
      const ports = { ...local, clock: this.#clock, gossip, streams, links, pieces, directory }
      const driver = this.#newDriver(ports)
      await driver.attach()
      wired.resolve({ driver, ports })
    })
    this.#closers.add(() => mesh.stop())
    const { driver, ports } = await wired.promise
    this.#listening = mesh.listening()
    const first: Input = { type: 'listening', addresses: this.#listening }
    const backend = this.#backend(driver, ports)
    const api = await createApiServer(backend, paths(data).socket)
    this.#closers.add(() => api.close())
    await this.#serveMetrics(backend)
    // At once: no question can arrive between the two.
    this.#open(driver, [first, ...this.#early, ...bootstrap(this.#joined, config)])
  }

  async #serveMetrics(backend: ApiBackend): Promise<void> {
    const { listen } = this.#options.config.http
    if (listen === undefined) return
    const server = await serveMetrics(() => backend.metrics(), listen)
    this.#closers.add(() => server.close())
  }

  /** Says goodbye and closes everything; with `leave` also wipes what ties the folder to the mesh. */
  stop({ leave } = { leave: false }): Promise<void> {
    this.#stopping ??= this.#goodbye().then(() => {
      void this.#close(leave).then(this.#ended.resolve, this.#ended.reject)
    })
    return this.#stopping
  }

  async #goodbye(): Promise<void> {
    const linked = this.#core.snapshot().links.length
    await (await this.#driver.promise).stop()
    const isNode = this.#credential.invite.signed.capabilities.includes('node')
    const goodbye = isNode ? `said goodbye to the mesh (${linked} linked)` : 'left its links'
    this.#log.say('info', 'stopping', goodbye)
  }

  /** The core broke one of its invariants: no goodbye, which it would have to sign; the end of the process, and a new start. */
  #broke(error: unknown): void {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#log.say('error', 'broken', `this daemon ends because of a defect: ${reason}`)
    this.#stopping ??= Promise.resolve()
    void this.#close(false).then(
      () => this.#ended.reject(error),
      () => this.#ended.reject(error),
    )
  }

  async #close(leave: boolean): Promise<void> {
    await this.#closers.close()
    if (leave) await wipe(this.#options.data)
  }

  #startMesh(prepare: (mesh: Mesh) => Promise<void>): Promise<Mesh> {
    const { config } = this.#options
    const { secret, mesh } = this.#joined
    const events: LinkEvents = {
      connected: (peer, path) => this.#feed({ type: 'connected', peer, ...path }),
      moved: (peer, path) => this.#feed({ type: 'moved', peer, ...path }),
      disconnected: (peer) => this.#feed({ type: 'disconnected', peer }),
      discovered: (peer, addresses, source) => this.#feed({ type: 'discovered', peer, addresses, source }),
      listening: (addresses) => this.#feed({ type: 'listening', addresses }),
      networkChanged: () => this.#feed({ type: 'networkChanged' }),
      observed: (peer, address) => this.#feed({ type: 'observed', peer, address }),
      reachable: (addresses) => this.#feed({ type: 'reachable', addresses }),
      unreserved: (relay, why, detail) => this.#feed({ type: 'unreserved', relay, why, detail }),
      visited: (peer) => this.#feed({ type: 'visited', peer }),
    }
    const keeper = memberGate({
      mesh,
      node: this.#credential.claims.node,
      sign: makeSigner(secret).sign,
      own: () => this.#credential,
      witness: () => this.#core.witness(),
      admit: async (...shown) => (await this.#driver.promise).admit(...shown),
      countersigned: (membership) => this.#feed({ type: 'countersigned', membership }),
      refused: (remote, code) => {
        const why = code ?? 'for a reason that this version does not know'
        this.#log.say('warn', 'refused', `${remote} did not admit this node (${why})`)
        this.#feed({ type: 'turnedAway', peer: remote, code })
      },
    })
    const { listen, announce } = config
    return startMesh({
      secret,
      listen,
      announce,
      mesh8: mesh.slice(0, 16),
      mdns: config.discovery.mdns,
      relay: config.relay,
      open: this.#reachable,
      keeper,
      prepare,
      events,
    })
  }

  #newDriver(ports: Ports): Driver {
    return new Driver(ports, {
      core: this.#core,
      mesh8: this.#joined.mesh.slice(0, 16),
      membership: this.#credential.id,
      sign: makeSigner(this.#joined.secret).sign,
      beaconKey: this.#beaconKey,
      onCredential: (membership) => {
        this.#credential = membership
      },
      onSample: (sample) => {
        this.#sample = sample
      },
      onEvent: (event) => this.#onEvent(event),
      onDefect: (detail) => this.#log.say('error', 'defect', detail),
      onBroken: (error) => this.#broke(error),
    })
  }

  /** From here on inputs go to the driver; first those that came too early. */
  #open(driver: Driver, inputs: readonly Input[]): void {
    this.#feed = (input) => driver.feed(input)
    driver.feed({ type: 'wall', wall: this.#clock.wall(), offset: this.#clock.offset() })
    for (const input of inputs) driver.feed(input)
    this.#driver.resolve(driver)
  }

  #onEvent(event: NodeEvent): void {
    if (event.type === 'firstHeartbeat') {
      const { user, system } = process.cpuUsage()
      this.#cpuToFirstHeartbeat ??= Math.round((user + system) / 1000)
    }
    this.#log.add(event)
  }

  #backend(driver: Driver, ports: Ports) {
    const core = this.#core
    const submissions = new Submissions({
      artifacts: ports.artifacts,
      driver,
      linked: () => core.snapshot().links.length,
      has: (encoding) => core.releases.has(encoding),
      known: (encoding) => core.releases.holds(encoding),
    })
    this.#closers.add(() => submissions.close())
    const { mesh } = this.#joined
    const installRoot = installFolder(this.#options)
    return createBackend({
      ...publishing({ core, driver, submissions, mesh, installRoot, now: this.#clock.now }),
      ...enrolment({ core, driver, mesh }),
      core: this.#core,
      driver,
      links: ports.links,
      log: this.#log,
      mesh: this.#joined.mesh,
      data: this.#options.data,
      installRoot,
      mdns: this.#options.config.discovery.mdns,
      relay: this.#options.config.relay,
      facts: ports.probe.facts(),
      probe: ports.probe,
      sample: () => this.#sample,
      now: this.#clock.now,
      startedAt: this.#startedAt,
      version: this.#options.version,
      cpuToFirstHeartbeat: () => this.#cpuToFirstHeartbeat,
      stop: (options) => this.stop(options),
    })
  }
}

/** The folder below which releases are installed. */
function installFolder({ data, config }: DaemonOptions): string {
  return resolve(data, config.install.root)
}

/** Custom collectors, where the configuration names folders of them. */
function collectorsOf({ data, config }: DaemonOptions): CollectorsConfig {
  const { textfiles, programs: folder, period, timeout } = config.collectors
  return {
    isOurs: isOwnName,
    textfiles: textfiles === '' ? undefined : resolve(data, textfiles),
    programs: folder === '' ? undefined : { folder: resolve(data, folder), period, timeLimit: timeout },
  }
}
