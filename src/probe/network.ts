// Bytes, errors and drops of the machine's own network interfaces together.
import { parsed, sum, tokens } from './numbers.ts'
import type { Reader } from './reader.ts'

/** Interfaces that carry again what another one carries, or nothing that leaves the machine. */
const virtualName = /^(lo$|veth|docker|br-|virbr|ifb|dummy|tun|tap|wg)/

/**
 * Sums /proc/net/dev over the interfaces that have a device (/sys/class/net/NAME/device). Where none has one, as in a container,
 * over all whose name is not that of a virtual interface.
 */
export class Network {
  /** Name -> has a device. Rebuilt from the names seen, because a container host invents new ones for ever. */
  #physical = new Map<string, boolean>()

  read(reader: Reader) {
    const lines = interfaces(reader.text('/proc/net/dev') ?? '')
    this.#physical = new Map([...lines.keys()].map((name) => [name, this.#isPhysical(reader, name)]))
    const names = [...lines.keys()]
    const physical = names.filter((name) => this.#physical.get(name))
    const counted = physical.length > 0 ? physical : names.filter((name) => !virtualName.test(name))
    const total = (...columns: number[]) => {
      const values = counted.flatMap((name) => columns.map((column) => parsed(lines.get(name)?.[column])))
      return values.length === 0 ? null : values.reduce(sum)
    }
    return {
      node_network_receive_bytes_total: total(0),
      node_network_transmit_bytes_total: total(8),
      node_network_errs_total: total(2, 10),
      node_network_drop_total: total(3, 11),
    }
  }

  #isPhysical(reader: Reader, name: string): boolean {
    return this.#physical.get(name) ?? reader.exists(`/sys/class/net/${name}/device`)
  }
}

/** Interface -> its 16 columns: 8 received (bytes packets errs drop fifo frame compressed multicast), 8 sent. */
function interfaces(text: string): Map<string, string[]> {
  const lines = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon !== -1) lines.set(line.slice(0, colon).trim(), tokens(line.slice(colon + 1)))
  }
  return lines
}
