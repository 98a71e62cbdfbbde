// A zone: where a node is, as a path such as /uk/glasgow/lab3. Inner zones aggregate; a site is a leaf.
import type { Env, NodeId } from './env.ts'
import { H } from './hash.ts'
import { limits } from './limits.ts'
import { matchesSegment } from './trust/paths.ts'

const SEGMENT = /^[a-z0-9-]{1,32}$/
const CELL = /^~[0-9]{2}$/
const PATTERN_SEGMENT = /^~?[a-z0-9*-]{1,32}$/

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

/** Why `pattern` cannot name zones, or undefined when it can: a zone in which segments may have `*` for any characters, or be `**` for any segments. */
export function zonePatternProblem(pattern: string): string | undefined {
  if (!isZonePattern(pattern)) return zoneProblem(pattern)
  if (!pattern.startsWith('/')) return 'it must start with "/"'
  const segments = pattern.slice(1).split('/')
  if (segments.length > limits.zoneSegments + 1) return `it must have 1 to ${limits.zoneSegments} segments`
  const wrong = segments.find((segment) => !PATTERN_SEGMENT.test(segment))
  return wrong === undefined
    ? undefined
    : `segment "${wrong}" is not 1 to 32 of a-z, 0-9, "-", and "*" for any characters`
}

export function isZonePattern(text: string): boolean {
  return text.includes('*')
}

/** True when the pattern names the zone: `/uk/*` those directly below, `/uk/**` those at any depth and `/uk` itself. */
export function matchesZone(zone: string, pattern: string): boolean {
  if (!isZonePattern(pattern)) return zone === pattern
  return segmentsMatch(pattern.split('/'), zone.split('/'))
}

/** True when the pattern, or name, may be that of a zone below this one. */
export function mayMatchBelow(pattern: string, zone: string): boolean {
  if (zone === '/') return pattern !== '/'
  const segments = zone.split('/')
  const patterns = pattern.split('/')
  const open = patterns.indexOf('**')
  const fixed = patterns.slice(0, open === -1 ? patterns.length : open)
  const isAlike = segments.slice(0, fixed.length).every((segment, at) => matchesSegment(fixed[at] as string, segment))
  return isAlike && (open !== -1 || patterns.length > segments.length)
}

/** Zones have few segments, so trying every length of `**` is cheap. */
function segmentsMatch([pattern, ...patterns]: readonly string[], segments: readonly string[]): boolean {
  if (pattern === undefined) return segments.length === 0
  if (pattern === '**')
    return segments.some((_, at) => segmentsMatch(patterns, segments.slice(at))) || patterns.length === 0
  const [segment, ...rest] = segments
  return segment !== undefined && matchesSegment(pattern, segment) && segmentsMatch(patterns, rest)
}

/** Segments of a zone: 0 for `/`. */
export function depthOf(zone: string): number {
  return zone === '/' ? 0 : zone.split('/').length - 1
}

/** The leaf zone of a node of `site` that is cut into `cells` cells (0 or 1: not cut). Fixed for life by H(nodeId). */
export function leafZone(env: Pick<Env, 'sha256'>, site: string, cells: number, node: NodeId): string {
  if (cells <= 1) return site
  const index = Number(H(env, 'cell', node) % BigInt(cells))
  return `${site}/~${String(index).padStart(2, '0')}`
}
