// What can happen to the paths of a node, as opposed to its links.
import type { Input } from '../events.ts'

export type ReachInput = Extract<
  Input,
  {
    type:
      | 'moved'
      | 'improveFailed'
      | 'networkChanged'
      | 'observed'
      | 'reachable'
      | 'reserved'
      | 'unreserved'
      | 'pulsed'
      | 'pulseMissed'
      | 'visited'
  }
>

const TYPES: Record<ReachInput['type'], true> = {
  moved: true,
  improveFailed: true,
  networkChanged: true,
  observed: true,
  reachable: true,
  reserved: true,
  unreserved: true,
  pulsed: true,
  pulseMissed: true,
  visited: true,
}

export function isReachInput(input: Input): input is ReachInput {
  return Object.hasOwn(TYPES, input.type)
}
