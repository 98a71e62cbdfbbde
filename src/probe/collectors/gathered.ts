// What all custom collectors gave, put together: one owner for each series, and one trouble for each collector that is not taken.
import { type CollectorTrouble, type NamedValue, seriesId } from '../../core/fleet/named-values.ts'
import { limits } from '../../core/limits.ts'
import { parseText, TextProblem } from './text-format.ts'

/** The last that one collector gave: values, or why there are none. */
export interface Gathered {
  collector: string
  values: readonly NamedValue[]
  trouble?: Omit<CollectorTrouble, 'collector'> | undefined
}

export type Trouble = NonNullable<Gathered['trouble']>

/** The values in the bytes that a collector gave, or what is wrong with them. */
export function gather(collector: string, bytes: Uint8Array): Gathered {
  try {
    return { collector, values: parseText(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) }
  } catch (error) {
    if (error instanceof TextProblem) return without(collector, { code: error.code, reason: error.message })
    if (!(error instanceof TypeError)) throw error
    return without(collector, { code: 'malformed', reason: 'what it gives is not UTF-8 text' })
  }
}

export function without(collector: string, trouble: Trouble): Gathered {
  return { collector, values: [], trouble }
}

/**
 * Puts them together, in the order of their names: of two with one series the first keeps it, and nothing of the other is taken, so that it is
 * noticed. `isOurs`: names of pimesh's own. One that is only stale keeps its values.
 */
export function combine(
  all: readonly Gathered[],
  isOurs: (name: string) => boolean,
): { values: NamedValue[]; troubles: CollectorTrouble[] } {
  const owners = new Map<string, string>()
  const kinds = new Map<string, { kind: NamedValue['kind']; collector: string }>()
  const values: NamedValue[] = []
  const troubles: CollectorTrouble[] = []
  for (const { collector, values: given, trouble } of [...all].sort(byName)) {
    const found = clash(given, { owners, kinds, isOurs, room: limits.collectorSeriesAll - values.length }) ?? trouble
    if (found !== undefined) troubles.push({ collector, ...found })
    if (found !== undefined && found !== trouble) continue
    for (const value of given) {
      owners.set(seriesId(value), collector)
      if (!kinds.has(value.name)) kinds.set(value.name, { kind: value.kind, collector })
      values.push(value)
    }
  }
  return { values, troubles }
}

function byName(a: Gathered, b: Gathered): number {
  return a.collector < b.collector ? -1 : 1
}

interface Taken {
  owners: ReadonlyMap<string, string>
  kinds: ReadonlyMap<string, { kind: NamedValue['kind']; collector: string }>
  isOurs: (name: string) => boolean
  room: number
}

function clash(given: readonly NamedValue[], { owners, kinds, isOurs, room }: Taken): Trouble | undefined {
  if (given.length > room) {
    const reason = `all collectors together give more than ${limits.collectorSeriesAll} series, and the others come first: leave out what nobody looks at`
    return { code: 'tooMany', reason }
  }
  for (const value of given) {
    if (isOurs(value.name))
      return { code: 'duplicate', reason: `it gives ${value.name}, which pimesh gives itself: choose another name` }
    const owner = owners.get(seriesId(value))
    if (owner !== undefined)
      return {
        code: 'duplicate',
        reason: `it gives ${value.name} as ${owner} does: choose another name, or add a label`,
      }
    const other = kinds.get(value.name)
    if (other !== undefined && other.kind !== value.kind)
      return {
        code: 'duplicate',
        reason: `it gives ${value.name} as ${value.kind}, and ${other.collector} as ${other.kind}: choose another name`,
      }
  }
  return undefined
}
