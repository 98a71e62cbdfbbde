// Prometheus' own tool, where it is installed: the Debian package `prometheus` has it, and .ci/run brings it.
import { spawnSync } from 'node:child_process'

const program = process.env.PROMTOOL || 'promtool'
export const hasPromtool = spawnSync(program, ['--version']).status === 0

/**
 * Names that node_exporter has so and the tool's style does not like; node_exporter leaves them out of its own check (checkmetrics.sh).
 */
const KNOWN =
  /^node_(memory|filesystem_files_free)\w* .*camelCase|^node_memory_\w+ metric names should be written in 'snake_case'/

/** Lines in which `promtool check metrics` finds fault with a page, and whether it could read it at all. */
export function checkMetrics(page: string): { readable: boolean; faults: string[] } {
  const { status, stdout, stderr } = spawnSync(program, ['check', 'metrics'], { input: page, encoding: 'utf8' })
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !KNOWN.test(line))
  // 3: it was read, and there is something to say about style.
  return { readable: status === 0 || status === 3, faults: [...new Set(lines)] }
}
