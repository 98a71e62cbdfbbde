// The inputs that concern digests and summaries, as core/node.ts hands them on.
import type { Input } from '../events.ts'

const TYPES = ['digestHeard', 'summaryHeard', 'digestPublished', 'summaryPublished'] as const

export type FleetInput = Extract<Input, { type: (typeof TYPES)[number] }>

export function isFleetInput(input: Input): input is FleetInput {
  return (TYPES as readonly string[]).includes(input.type)
}
