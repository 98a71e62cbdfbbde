// The laboratory's network: builds what a plan says in namespaces of this machine, runs programs in them, and takes all of it away
// again. The taking away is the supervisor's, whatever ends this process.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Description } from './description.ts'
import { folderOf, newPrefix, sweep } from './owner.ts'
import { INTERNET, type NodePlan, type Plan, planOf, type SitePlan, SWITCH } from './plan.ts'
import { routerRules, switchRules } from './rules.ts'
import { each, ip, script, tc, whyNot } from './shell.ts'
import { cableLines, namespaceLines, rateLine, siteOf, wiresOf } from './wiring.ts'

const SUPERVISOR = fileURLToPath(new URL('supervisor.ts', import.meta.url))

/** Both families: a router that forwards one of them only would be another machine. */
const FORWARD = ['echo 1 > /proc/sys/net/ipv4/ip_forward', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding']

export class Network {
  readonly plan: Plan
  readonly prefix: string
  readonly #supervisor: ChildProcess
  readonly #running = new Set<ChildProcess>()

  private constructor(plan: Plan, prefix: string) {
    this.plan = plan
    this.prefix = prefix
    mkdirSync(this.folder, { recursive: true })
    // Its own session: Ctrl-C in a terminal is meant for us, and the supervisor's work begins when we have ended.
    this.#supervisor = spawn(process.execPath, [SUPERVISOR, prefix], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
    })
    this.#supervisor.stdin?.on('error', () => undefined)
    this.#supervisor.unref()
    ;(this.#supervisor.stdin as unknown as { unref(): void }).unref()
  }

  /** Builds it; takes a second for twenty namespaces. Rejects with one sentence where that cannot be done, and leaves nothing. */
  static async build(description: Description): Promise<Network> {
    const reason = whyNot()
    if (reason !== undefined) throw new Error(reason)
    await sweep()
    const network = new Network(planOf(description), newPrefix())
    try {
      await network.#wire()
    } catch (error) {
      await network.dispose()
      throw error
    }
    return network
  }

  /** A folder of this laboratory that is removed with it. */
  get folder(): string {
    return folderOf(this.prefix)
  }

  site(name: string): SitePlan {
    return siteOf(this.plan, name)
  }

  node(name: string): NodePlan {
    const node = this.plan.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error(`the laboratory has no node "${name}"`)
    return node
  }

  /** The name of a node's or a router's namespace, as `ip netns exec` takes it. */
  namespace(name: string): string {
    return `${this.prefix}${name}`
  }

  /** Starts a program in a namespace. It ends with the laboratory at the latest. */
  exec(name: string, program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.namespace(name), program, ...args], options)
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
    return child
  }

  /** Lets the switch carry multicast DNS where sites have it; again after a node has moved. */
  async applyMulticast(): Promise<void> {
    const quiet = this.plan.nodes.filter((node) => !this.site(node.site).multicast)
    await this.#rules(SWITCH, switchRules(quiet.map(({ cable }) => cable.far.name)))
  }

  /** Sets a site's wire, or all its nodes' in an open site, to the rates that its plan says. */
  async applyRates(site: SitePlan): Promise<void> {
    for (const { at, name, far } of wiresOf(this.plan, site)) {
      await tc([rateLine(name, site.up)], this.namespace(at))
      await tc([rateLine(far.name, site.down)], this.namespace(far.at))
    }
  }

  /** Ends every program in it and removes it. Idempotent. */
  async dispose(): Promise<void> {
    if (this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null) return
    const ended = once(this.#supervisor, 'exit')
    this.#supervisor.ref()
    this.#supervisor.stdin?.end('remove it\n')
    await ended
    await Promise.all([...this.#running].map((child) => once(child, 'exit')))
  }

  async #wire(): Promise<void> {
    const { plan } = this
    await ip(cableLines(plan, (name) => this.namespace(name)))
    await each(namespaceLines(plan), ([name, lines]) => ip(lines, this.namespace(name)))
    const routers = plan.sites.flatMap((site) => site.routers.map((router) => [router, site.kind] as const))
    await each(routers, ([router, kind]) => this.#rules(router, routerRules(kind), FORWARD))
    await script(FORWARD, this.namespace(INTERNET))
    await this.applyMulticast()
    const limited = plan.sites.filter(({ up, down }) => up !== undefined || down !== undefined)
    await each(limited, (site) => this.applyRates(site))
  }

  async #rules(name: string, rules: readonly string[], more: readonly string[] = []): Promise<void> {
    await script([...more, "nft -f - <<'RULES'", ...rules, 'RULES'], this.namespace(name))
  }
}
