// The directory as core uses it, for tests: switched off, or with everything at hand that it looks at.
import { createHash } from 'node:crypto'
import type { NodeId } from '../../../src/core/env.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Directory } from '../../../src/core/swarm/directory.ts'

export interface Surroundings {
  out?: Outbox
  book?: Book
  self?: NodeId
  isOpen?: () => boolean
  members?: () => number
  random?: () => number
}

/** One that asks, tells and serves. */
export function directoryOf(surroundings: Surroundings = {}, isOn = true): Directory {
  const { out = new Outbox(), self = 'self', book = new Book(self, '/a') } = surroundings
  const { isOpen = () => false, members = () => 1, random = () => 0.5 } = surroundings
  const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest())
  const addresses = ['/ip4/203.0.113.9/tcp/31415']
  const links = { get: () => undefined }
  return new Directory(
    { env: { random, sha256 }, out, self: { node: self, addresses }, links, book, members, isOpen },
    isOn,
  )
}

export function noDirectory(): Directory {
  return directoryOf({}, false)
}
