// Events of links that nobody listens to, and links and a directory that do nothing, for tests of something else.
import type { Directory } from '../../src/ports/directory.ts'
import type { LinkEvents, Links } from '../../src/ports/links.ts'

export const QUIET: LinkEvents = {
  connected: () => undefined,
  moved: () => undefined,
  disconnected: () => undefined,
  discovered: () => undefined,
  listening: () => undefined,
  networkChanged: () => undefined,
  observed: () => undefined,
  reachable: () => undefined,
  unreserved: () => undefined,
  visited: () => undefined,
}

export const NO_LINKS: Links = {
  dial: async () => undefined,
  improve: async () => undefined,
  punch: async () => undefined,
  reserve: async () => [],
  release: () => undefined,
  offerRelay: () => undefined,
  relaying: () => ({ reservations: 0, circuits: 0, bytes: 0, refused: 0 }),
  pulse: async () => 1,
  close: async () => undefined,
  traffic: () => ({ bytesIn: 0, bytesOut: 0 }),
}

export const NO_DIRECTORY: Directory = {
  serve: () => undefined,
  servers: () => undefined,
  provide: async () => 0,
  withdraw: () => undefined,
  find: async () => [],
}
