// What is missing of the zones below inner zones, in words, for the end of a completeness line.
import type { BelowJson } from '../../daemon/api-fleet-types.ts'
import { counted } from './quantity.ts'

/** `; 2 zones are counted and nobody told of them; of /us only the whole: no reporter of it answered`; empty when nothing is missing. */
export function belowText(below: BelowJson | undefined): string {
  if (below === undefined) return ''
  const { missing, together, disagreeing, unproven } = below
  const parts = [
    ...(missing === 0
      ? []
      : [
          `${counted(missing, 'zone')} ${missing === 1 ? 'is' : 'are'} counted and nobody told of ${missing === 1 ? 'it' : 'them'}`,
        ]),
    ...together.map(wholeText),
    ...disagreeing.map((zone) => `the zones in ${zone} count other nodes than ${zone} does`),
    ...unproven.map((zone) => `not all that was told of ${zone} is proven or complete`),
  ]
  return parts.map((part) => `; ${part}`).join('')
}

function wholeText({ zone, why }: BelowJson['together'][number]): string {
  const reason =
    why === 'forbidden' ? 'its zones are told to operators and its own members' : 'no reporter of it answered in time'
  return zone === '/'
    ? `the other zones are not told: no reporter answered in time`
    : `of ${zone} only the whole: ${reason}`
}
