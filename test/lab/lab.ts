// A laboratory with all that is in it: the network, and a running daemon in every node.
import { setTimeout as pause } from 'node:timers/promises'
import { Daemons } from './daemons.ts'
import { type Description, describe, type Site, type SiteWords } from './description.ts'
import { Network } from './network.ts'
import { each } from './shell.ts'

/** Starting daemons is work for the CPU: more at once are no faster. */
const STARTS_AT_ONCE = 2

interface LabOptions {
  bare?: boolean
  program?: readonly string[] | undefined
}

export class Lab {
  readonly network: Network
  readonly daemons: Daemons
  readonly #description: Description

  private constructor(network: Network, description: Description, program?: readonly string[]) {
    this.network = network
    this.daemons = new Daemons(network, program)
    this.#description = description
  }

  /**
   * Builds the network and, unless it is to stay bare, enrols every node and starts the daemons in the order of the description.
   * `program` is what Node is given to run as a daemon, flags included, in place of the bundle.
   */
  static async up(sites: readonly SiteWords[], { bare = false, program }: LabOptions = {}): Promise<Lab> {
    const description = describe(sites)
    const lab = new Lab(await Network.build(description), description, program)
    try {
      if (bare) return lab
      await lab.daemons.enrol()
      await lab.#start()
      return lab
    } catch (error) {
      await lab.dispose()
      throw error
    }
  }

  /** Names of the nodes of a site, or of all. */
  nodes(site?: string): string[] {
    return this.network.plan.nodes.filter((node) => site === undefined || node.site === site).map(({ name }) => name)
  }

  dispose(): Promise<void> {
    return this.network.dispose()
  }

  /** Open sites first; then the others, each when its time has come. */
  async #start(): Promise<void> {
    const { sites } = this.#description
    const at = ({ kind, starts }: Site) => (kind === 'open' && starts === 0 ? -1 : starts)
    const times = sites.map(at).filter((time) => time !== 'asked')
    let now = 0
    for (const time of [...new Set(times)].sort((a, b) => a - b)) {
      await pause(Math.max(0, time - now) * 1000)
      now = Math.max(0, time)
      const names = sites.filter((site) => at(site) === time).flatMap(({ name }) => this.nodes(name))
      await each(names, (name) => this.daemons.start(name), STARTS_AT_ONCE)
    }
  }
}
