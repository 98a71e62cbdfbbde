// The peer on this machine, as far as a publisher needs it.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import type { PublishersJson } from '../../daemon/api-types.ts'

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

/** Addresses of this peer for those who can reach no other; of this machine alone only where there are none else. */
export function originOf(addresses: readonly string[]): string[] {
  const remote = addresses.filter((address) => !/^\/(ip4\/127\.|ip6\/::1\/)/.test(address))
  return (remote.length > 0 ? remote : addresses).slice(0, limits.releaseOrigins)
}
