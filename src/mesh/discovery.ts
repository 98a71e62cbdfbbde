// Discovery: finds other nodes on this LAN by multicast DNS, and tells; it never dials. It stands beside libp2p's own peer
// discovery, which would store whatever anybody on the LAN claims.
import type { Startable } from '@libp2p/interface'
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns'
import type { NodeId } from '../core/env.ts'
import { limits, SECOND } from '../core/limits.ts'
import { tidyAddresses } from './addresses.ts'

export const SERVICE_TAG = '_pimesh._udp.local'

/** Asking on our own schedule: every node on the LAN answers every question, so n nodes that ask cost n * n packets. */
const NEVER = 2 ** 31 - 1

export interface DiscoveryOptions {
  nodeId: NodeId
  /** Without a link we ask often. */
  alone: () => boolean
  found: (peer: NodeId, addresses: readonly string[]) => void
}

/** The parts of @libp2p/mdns's service that its interface does not show. */
interface Service extends Startable {
  mdns?: { query(question: { questions: { name: string; type: 'PTR' }[] }): void }
}

/** A libp2p service. */
export function discovery(options: DiscoveryOptions): (components: MulticastDNSComponents) => Startable {
  return (components) => {
    const source = mdns({ serviceTag: SERVICE_TAG, interval: NEVER })(components)
    const service = source as unknown as Service
    let timer: NodeJS.Timeout | undefined
    let ticks = 0
    source.addEventListener('peer', ({ detail }) => {
      const peer = detail.id.toString()
      const addresses = tidyAddresses(detail.multiaddrs)
      if (peer !== options.nodeId && addresses.length > 0) options.found(peer, addresses)
    })
    const ask = () => service.mdns?.query({ questions: [{ name: SERVICE_TAG, type: 'PTR' }] })
    const tick = () => {
      ticks++
      const due = ticks % Math.round(limits.mdnsPeriod / limits.mdnsPeriodAlone) === 0
      if (due || options.alone()) ask()
      schedule()
    }
    // Soon at first: after a power cut a whole site starts together, and the first question meets nobody who listens yet.
    const schedule = () => {
      timer = setTimeout(tick, Math.min(limits.mdnsPeriodAlone, SECOND * 2 ** ticks)).unref()
    }
    return {
      async start() {
        await service.start() // asks once
        schedule()
      },
      async stop() {
        clearTimeout(timer)
        await service.stop()
      },
    }
  }
}
