// What benchmarks in the laboratory wait for and look at: links, and when a mesh is whole again.
import type { LinkJson } from '../../src/daemon/api-types.ts'
import type { Lab } from '../lab/lab.ts'

/** What `from` says of its link with `to`; undefined without one, or while its daemon does not answer. */
export async function linkOf({ daemons }: Lab, from: string, to: string): Promise<LinkJson | undefined> {
  const status = await daemons
    .client(from)
    .status()
    .catch(() => undefined)
  return status?.links.find(({ node }) => node === daemons.id(to))
}

/** `relayed by pub-1`, `punched`, `linked` where the daemon does not tell, `none`. */
export function routeText(link: LinkJson | undefined): string {
  if (link === undefined) return 'none'
  const { route = 'linked', via } = link.path ?? {}
  return via == null ? route : `${route} by ${via.name ?? via.node}`
}

/**
 * Resolves when every one of these nodes has heard, of every other one in its zone, that it is up in the run that it is in now, and
 * was told by every other one of their zones what that has.
 */
export async function whole(lab: Lab, names: readonly string[], bound: number): Promise<void> {
  const { daemons, network } = lab
  const zones = Map.groupBy(names, (name) => network.site(network.node(name).site).zone)
  const incarnations = new Map(
    await Promise.all(names.map(async (name) => [name, (await daemons.client(name).status()).incarnation] as const)),
  )
  const hears = async (name: string) => {
    const { nodes, zones: told } = await daemons.client(name).nodes({ zones: [...zones.keys()], timeoutMs: 1_000 })
    const mine = network.site(network.node(name).site).zone
    const mates = zones.get(mine) ?? []
    const up = mates.every((mate) => {
      const row = nodes.find((row) => row.name === mate)
      return row?.status === 'up' && row.incarnation === incarnations.get(mate)
    })
    return up && told.every(({ zone, state }) => zone === mine || state !== 'silent')
  }
  await Promise.all(
    names.map((name) => daemons.until(`${name} hears of all others`, bound, () => hears(name).catch(() => false))),
  )
}

export function ms(value: number | null): string {
  return value === null ? 'never' : `${(value / 1000).toFixed(2)} s`
}
