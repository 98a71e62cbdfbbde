// A zone: where a node is, as a path such as /uk/glasgow/lab3. Inner zones aggregate; a site is a leaf.
import type { Env, NodeId } from './env.ts'
import { H } from './hash.ts'
import { limits } from './limits.ts'

const SEGMENT = /^[a-z0-9-]{1,32}$/
const CELL = /^~[0-9]{2}$/

/** Why `zone` is not a zone, or undefined when it is one. `/` alone is the whole mesh (an operator's zone). */
export function zoneProblem(zone: string): string | undefined {
  if (zone === '/') return undefined
  if (!zone.startsWith('/')) return 'it must start with "/"'
  const segments = zone.slice(1).split('/')
  const cell = segments.at(-1)?.startsWith('~') ? segments.pop() : undefined
  if (cell !== undefined && !CELL.test(cell)) return `"${cell}" is not a cell ("~" and two digits)`
  if (segments.length < 1 || segments.length > limits.zoneSegments)
    return `it must have 1 to ${limits.zoneSegments} segments`
  const wrong = segments.find((segment) => !SEGMENT.test(segment))
  return wrong === undefined
    ? undefined
    : `segment "${wrong}" is not 1 to ${limits.zoneSegmentLength} of a-z, 0-9 and "-"`
}

/** True when `zone` is `prefix` or lies below it. */
export function within(zone: string, prefix: string): boolean {
  return prefix === '/' || zone === prefix || zone.startsWith(`${prefix}/`)
}

/** The zone that a zone lies in: `/uk` for `/uk/a`, `/` for `/uk`; undefined for `/`. */
export function parentOf(zone: string): string | undefined {
  return zone === '/' ? undefined : zone.slice(0, zone.lastIndexOf('/')) || '/'
}

/** The leaf zone of a node of `site` that is cut into `cells` cells (0 or 1: not cut). Fixed for life by H(nodeId). */
export function leafZone(env: Pick<Env, 'sha256'>, site: string, cells: number, node: NodeId): string {
  if (cells <= 1) return site
  const index = Number(H(env, 'cell', node) % BigInt(cells))
  return `${site}/~${String(index).padStart(2, '0')}`
}
