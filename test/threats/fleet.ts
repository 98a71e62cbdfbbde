// A small fleet of real daemons in one process on loopback, each with its own temporary folder, and their logs and local APIs
// to wait for. Whatever a test starts here is stopped and removed by closeFleets.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { NodeId } from '../../src/core/env.ts'
import { type ApiClient, apiClient } from '../../src/daemon/api-client.ts'
import type { NodeJson, StatusJson } from '../../src/daemon/api-types.ts'
import { loadConfig } from '../../src/daemon/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon/daemon.ts'
import { join } from '../../src/daemon/join.ts'
import { type InviteOptions, makeInvite } from '../../src/publish/invite.ts'
import { openToken } from '../../src/publish/membership.ts'
import { initMesh, type Mesh } from '../../src/publish/mesh.ts'
import { encodeToken } from '../../src/wire/token.ts'

export const NORTH = '/uk/north'
export const SOUTH = '/uk/south'
/** The shortest promise that a configuration allows, in ms: what follows from silence, follows soon. */
export const PROMISE = 1_000

const ANYWHERE = '/ip4/127.0.0.1/tcp/0'
const configAt = (listen: string) => `
listen = ["${listen}"]
[discovery]
mdns = false
[health]
period = ${PROMISE / 1_000}
[log]
level = "debug"
`
/** How often a question is repeated that no event answers, and after how long it fails, in ms: a broken test says what it saw. */
const POLL = 40
const PATIENCE = 40_000

/** The configuration of every daemon here, for one that runs as a process of its own. */
export const configText = configAt(ANYWHERE)

const closing: (() => Promise<unknown>)[] = []

/** For afterEach or afterAll: stops every daemon and removes every folder, the youngest first. */
export async function closeFleets(): Promise<void> {
  for (let step = closing.pop(); step !== undefined; step = closing.pop()) await step()
}

/** Closes something before the folders go. */
export function closeLater(step: () => Promise<unknown>): void {
  closing.push(step)
}

/** Resolves with the first answer that is neither false nor undefined. Fails with what was last seen. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  seen: () => unknown = () => '',
): Promise<T> {
  const end = performance.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`it did not come to this: ${what}; ${JSON.stringify(await seen())}`)
    await after(POLL)
  }
}

/** One mesh: its owner's folder and the daemons that joined it. */
export class Fleet {
  readonly dir: string
  mesh: Mesh

  private constructor(dir: string, mesh: Mesh) {
    this.dir = dir
    this.mesh = mesh
  }

  static async create(): Promise<Fleet> {
    const dir = await mkdtemp(joinPath(tmpdir(), 'pimesh-threats-'))
    closeLater(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }))
    return new Fleet(dir, initMesh({ dir: joinPath(dir, 'owner') }, Date.now()))
  }

  token(options: Partial<InviteOptions> & { through?: readonly Member[] }): string {
    const { through = [], ...rest } = options
    return makeInvite(this.mesh, { zone: NORTH, via: through.map((member) => member.address), ...rest }, Date.now())
      .token
  }

  data(name: string): string {
    return joinPath(this.dir, name)
  }

  /** Joins into a folder of its own and returns it. */
  async join(name: string, token: string): Promise<string> {
    const data = this.data(name)
    await join({ data, token, name, seat: undefined, now: Date.now(), progress: () => undefined })
    return data
  }

  /** Starts the daemon of a folder that has joined. `config`: keys of it beside those of every daemon here. */
  async start(name: string, config = ''): Promise<Member> {
    const member = new Member(name, this.data(name), config)
    await member.start()
    return member
  }

  /** The first member of the mesh, up and running. */
  async found(name: string, config = ''): Promise<Member> {
    await this.join(name, this.token({ founding: true }))
    return this.start(name, config)
  }

  /** A new member that met `through`, up and running. */
  async add(name: string, through: Member, zone = NORTH): Promise<Member> {
    await this.join(name, this.token({ through: [through], zone }))
    return this.start(name)
  }
}

/** The same invite, naming other members to start from. */
export function tokenThrough(token: string, members: readonly Member[]): string {
  return encodeToken({ ...openToken(token, Date.now()), via: members.map((member) => member.address) })
}

interface Line {
  level: string
  type: string
  text: string
}

/** A daemon, with everything that it logged. */
export class Member {
  readonly name: string
  readonly data: string
  readonly lines: Line[] = []
  readonly api: ApiClient
  readonly #config: string
  #daemon: Daemon | undefined
  /** Where it listened first: a board comes back at the address that others know it by. */
  #listen = ANYWHERE

  constructor(name: string, data: string, config = '') {
    this.name = name
    this.data = data
    this.#config = config
    this.api = apiClient(data)
  }

  async start(): Promise<void> {
    const log = (line: string) => {
      const [, level = '', type = '', text = ''] = /^(\w+) (\w+): (.*)$/s.exec(line) ?? []
      this.lines.push({ level, type, text })
    }
    this.#daemon = await startDaemon({
      data: this.data,
      version: 'test',
      config: loadConfig(configAt(this.#listen) + this.#config, 'this test'),
      log,
    })
    this.#listen = this.#running.listening[0] ?? ANYWHERE
    closeLater(() => this.stop())
  }

  /** Says goodbye and ends. */
  async stop(): Promise<void> {
    await this.#daemon?.stop()
    await this.#daemon?.ended
    this.#daemon = undefined
  }

  get id(): NodeId {
    return this.#running.membership.claims.node
  }

  get zone(): string {
    return this.#running.membership.claims.zone
  }

  /** Where it listens, with its id. */
  get address(): string {
    return `${this.#running.listening[0]}/p2p/${this.id}`
  }

  status(): Promise<StatusJson> {
    return this.api.status()
  }

  /** Rows of its own zone, from its own view. */
  async rows(): Promise<NodeJson[]> {
    return (await this.api.nodes({ zones: [this.zone] })).nodes
  }

  async row(node: NodeId): Promise<NodeJson | undefined> {
    return (await this.rows()).find((row) => row.node === node)
  }

  /** Resolves with the row of a node once it is as wanted. */
  async sees(node: NodeId, what: string, wanted: (row: NodeJson) => boolean): Promise<NodeJson> {
    const look = async () => {
      const row = await this.row(node)
      return row !== undefined && wanted(row) ? row : undefined
    }
    return until(`${this.name} sees ${what}`, look, () => this.row(node))
  }

  seesStatus(node: NodeId, status: NodeJson['status']): Promise<NodeJson> {
    return this.sees(node, `${node} ${status}`, (row) => row.status === status)
  }

  /** Resolves when so many more records of the node have arrived. */
  async hears(node: NodeId, records = 1): Promise<NodeJson> {
    const before = await this.sees(node, 'a record', () => true)
    const later = (row: NodeJson) => row.incarnation > before.incarnation || row.counter >= before.counter + records
    return this.sees(node, `${records} more records`, later)
  }

  /** How often it refused for this reason. */
  async refused(code: string): Promise<number> {
    return (await this.status()).refusals[code] ?? 0
  }

  /** Kinds of the alerts that it raised about a node. */
  async alerts(node: NodeId): Promise<string[]> {
    return (await this.status()).alerts.filter((alert) => alert.node === node).map(({ kind }) => kind)
  }

  /** What it logged under this type, from line `from` on. */
  logged(type: string, from = 0): string[] {
    return this.lines.slice(from).flatMap((line) => (line.type === type ? [line.text] : []))
  }

  get #running(): Daemon {
    if (this.#daemon === undefined) throw new Error(`${this.name} does not run`)
    return this.#daemon
  }
}
