// Dialling back (protocol clause DIALBACK): a member asks another whether it can be dialled from there, and at which addresses it could.
import { limits } from '../core/limits.ts'
import { readAddresses, sendableAddresses } from './contact.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

const PORT_BYTES = 2

/** `ports`: those to dial, at the address that the asked one sees of the asker. */
export function encodeDialback(ports: readonly number[]): Uint8Array {
  const writer = new MessageWriter()
  for (const port of ports.slice(0, limits.dialbackPorts)) writer.bytes(1, Uint8Array.of(port >> 8, port & 0xff))
  return writer.finish()
}

/** Throws E_PROTOCOL. */
export function decodeDialback(bytes: Uint8Array): number[] {
  const reader = new MessageReader(bytes, 'a question to dial back', limits.dialbackBytes)
  const ports = reader.list(1, limits.dialbackPorts, PORT_BYTES, PORT_BYTES)
  reader.end()
  return ports.map(([high = 0, low = 0]) => high * 0x100 + low)
}

/** The addresses at which the asker was there. */
export function encodeDialledBack(addresses: readonly string[]): Uint8Array {
  return new MessageWriter().texts(1, sendableAddresses(addresses)).finish()
}

/** Throws E_PROTOCOL. */
export function decodeDialledBack(bytes: Uint8Array): string[] {
  const reader = new MessageReader(bytes, 'what came of dialling back', limits.dialbackBytes)
  const addresses = readAddresses(reader, 1)
  reader.end()
  return addresses
}
