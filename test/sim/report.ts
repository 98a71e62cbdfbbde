// The report of a run for a person; programs read the JSON line below it.
import { clockText } from './surroundings.ts'
import { KINDS } from './traffic.ts'
import type { Violation } from './watch.ts'
import type { Report } from './world.ts'

/** The report as lines. */
export function readable(report: Report): string {
  const { scenario, detection, convergence, delivery } = report
  const speed = Math.round(report.virtualMs / Math.max(1, report.wallMs))
  const lines = [
    `seed ${report.seed}, scenario ${scenario.name}: ${scenario.nodes} nodes in ${scenario.zones} zones, ` +
      `${clockText(report.virtualMs)} of virtual time in ${(report.wallMs / 1000).toFixed(1)} s (${speed} times as fast)`,
    `${report.steps} steps, ${report.restarts} restarts, ${report.delivered} records delivered, ${report.lost} transmissions lost`,
    `${report.checks} checks, ${report.violations.length} violations`,
    '',
    'kind       messages  bytes in per node and second  out',
    ...KINDS.map((kind) => {
      const rates = [report.bytesInPerNodeSecond[kind], report.bytesOutPerNodeSecond[kind]]
      const [bytesIn, bytesOut] = rates.map((rate) => rate.toFixed(2)) as [string, string]
      return `${kind.padEnd(9)}${String(report.messages[kind]).padStart(10)}${bytesIn.padStart(30)}${bytesOut.padStart(8)}`
    }),
    '',
    `detection: ${detection.detections} true, the slowest after ${(detection.slowestDetection / 1000).toFixed(1)} s; ` +
      `${detection.falseDowns} false, the longest for ${(detection.longestFalseDown / 1000).toFixed(1)} s`,
    `convergence: ${convergence.zones} zones, the slowest after ${convergence.slowestRounds} rounds of T ` +
      `(allowed: ${convergence.allowedRounds})`,
    `releases: put to use ${delivery.installed} times, with ${delivery.pieces} requests for pieces; ${delivery.settled} of what ` +
      `nodes should have, the slowest after ${delivery.slowestRounds} rounds of hello (allowed: ${delivery.allowedRounds})`,
    `queries: ${report.queries.ended} ended of ${report.queries.asked}; ` +
      `${report.queries.zonesAnswered} of ${report.queries.zonesAsked} zones answered`,
    `trace: ${report.traceLines} lines, SHA-256 ${report.traceHash}`,
  ]
  return lines.join('\n')
}

/** The report of one of many seeds. */
export function line({ seed, violations, virtualMs, wallMs, steps, delivery }: Report): string {
  const outcome = violations.length === 0 ? 'held' : violations.map(({ invariant }) => invariant).join(' ')
  const { installed, slowestRounds } = delivery
  return (
    `seed ${seed}: ${outcome}; ${clockText(virtualMs)} in ${(wallMs / 1000).toFixed(1)} s, ${steps} steps, ` +
    `${installed} installed, slowest after ${slowestRounds} rounds`
  )
}

/** One violation with what its node did last, and how to see it again. */
export function explain(violation: Violation, report: Report): string {
  const { invariant, at, node, detail, last } = violation
  return [
    `seed ${report.seed}: ${invariant} does not hold at ${clockText(at)} (${at} ms) on ${node}: ${detail}`,
    `the last that ${node} did:`,
    ...last.map((line) => `  ${line}`),
  ].join('\n')
}
