// The peer on this machine, as far as a publisher needs it.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import type { ApiClient } from '../../daemon/api-client.ts'
import type { PublishersJson } from '../../daemon/api-types.ts'
import { bytes } from '../format/quantity.ts'

/** @throws Failure E_NO_MESH (another mesh), E_NO_MEMBER (nobody would hear of it) */
export function requirePeer({ mesh, linked }: PublishersJson, own: { id: string; place: string }, data: string): void {
  if (mesh !== own.id)
    throw new Failure(
      'E_NO_MESH',
      `the peer of ${data} belongs to another mesh than ${own.place}: name the right folders with --data and --mesh`,
    )
  if (linked === 0)
    throw new Failure(
      'E_NO_MEMBER',
      `the peer of ${data} is linked to no member, so nobody would hear of it: look at "pimesh status" and publish again`,
    )
}

/**
 * A peer that has less left of its month than one copy takes would leave the fleet with the beginning of it.
 * @param lengths of the encodings, in bytes: nodes may do with the smallest
 * @throws Failure E_BUDGET
 */
export async function requireBudget(
  client: Pick<ApiClient, 'status'>,
  lengths: readonly number[],
  data: string,
): Promise<void> {
  const { budgets, links } = await client.status()
  const left = budgets?.month.left ?? null
  const least = Math.min(...lengths)
  if (left === null || least <= left) return
  // What goes over the LAN is free, unless its owner has it counted: members there take it, and bring it to others.
  if (budgets?.lan === false && links.some(({ path }) => path?.route === 'lan')) return
  throw new Failure(
    'E_BUDGET',
    `the peer of ${data} has ${bytes(left)} left of this month (swarm.monthly), and what would travel has ${bytes(least)}: raise that in its configuration, or publish through another peer`,
  )
}

export function lengthsOf(encoded: readonly { encoding: { length: number } }[]): number[] {
  return encoded.map(({ encoding }) => encoding.length)
}

/** Addresses of this peer for those who can reach no other; of this machine alone only where there are none else. */
export function originOf(addresses: readonly string[]): string[] {
  const remote = addresses.filter((address) => !/^\/(ip4\/127\.|ip6\/::1\/)/.test(address))
  return (remote.length > 0 ? remote : addresses).slice(0, limits.releaseOrigins)
}
