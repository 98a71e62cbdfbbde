// The zones below inner zones, put in the place of what a node hears of them together, and how complete that is.
import type { DescentAnswer } from '../core/fleet/descents.ts'
import type { FleetChild, FleetView } from '../core/fleet/summary.ts'
import { limits } from '../core/limits.ts'
import { isZonePattern, matchesZone, mayMatchBelow } from '../core/zone.ts'
import type { BelowJson } from './api-fleet-types.ts'

/** As if all that was found were directly below `/`. */
export function deepView(view: FleetView, { zones }: DescentAnswer): FleetView {
  return { ...view, levels: [{ zone: '/', part: 'none', period: 0, children: zones }] }
}

/** True for a zone that was asked for, and for an inner one that may hold such, of which only the whole is known. */
export function isAskedFor({ zone, leaf }: Pick<FleetChild, 'zone' | 'leaf'>, pattern: string): boolean {
  return matchesZone(zone, pattern) || (!leaf && isZonePattern(pattern) && mayMatchBelow(pattern, zone))
}

/** False where a pattern names some of the zones in an inner one of which only the whole is known. */
export function isAllAskedFor({ zone, leaf }: Pick<FleetChild, 'zone' | 'leaf'>, patterns: readonly string[]): boolean {
  return (
    leaf ||
    patterns.some((pattern) => matchesZone(zone, pattern) && (!isZonePattern(pattern) || pattern.endsWith('/**')))
  )
}

/**
 * What is missing of what was asked for.
 * @param listed what of it is shown @param inFleet leaf zones that the fleet summary knows; undefined when only some were asked for
 */
export function belowJson(
  { visited, full }: DescentAnswer,
  listed: readonly FleetChild[],
  inFleet: number | undefined,
): BelowJson {
  const told = listed.reduce((sum, child) => sum + leavesOf(child), 0)
  const left = visited.reduce((sum, { missing }) => sum + missing, 0)
  const missing = Math.max(left, inFleet === undefined ? 0 : inFleet - told)
  const together = visited.flatMap(({ zone, state }) => {
    const isWhole =
      state === 'answered' || (zone === '/' ? missing === 0 : !listed.some((child) => child.zone === zone))
    return isWhole ? [] : [{ zone, why: state }]
  })
  const disagreeing = visited.filter((one) => one.disagrees).map(({ zone }) => zone)
  const unproven = visited.filter((one) => one.state === 'answered' && one.partial).map(({ zone }) => zone)
  return {
    asked: visited.length,
    ...{ missing, together: together.slice(0, limits.darkNames), disagreeing, unproven },
    complete: !full && missing === 0 && [together, disagreeing, unproven].every(({ length }) => length === 0),
  }
}

/** Leaf zones that a line stands for. */
export function leavesOf({ leaf, digest }: FleetChild): number {
  return leaf || digest === undefined ? 1 : digest.figures.zones + digest.figures.dark
}
