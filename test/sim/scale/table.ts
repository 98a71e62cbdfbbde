// The table of `npm run sim -- scale`, for a person.

import type { RoleFigures, ScaleRow, Spread } from './figures.ts'
import { KINDS } from './ledger.ts'

const cell = (value: number | string, width = 9): string =>
  (typeof value === 'number' ? (value >= 100 ? value.toFixed(0) : value.toFixed(1)) : value).padStart(width)
const spread = ({ median, p99, max }: Spread): string => cell(median) + cell(p99) + cell(max)

export function tableOf(row: ScaleRow): string {
  const { scenario, nodes, zones, seconds, load } = row
  return [
    `${scenario}: ${nodes} nodes in ${zones} zones, ${seconds} s counted; load of the machine ${load.toFixed(1)}`,
    `${'bytes a second'.padEnd(26)}${['median', 'p99', 'max'].map((word) => cell(word)).join('')}`,
    ...lines('plain', row.plain),
    ...lines('reporter', row.reporters),
    ...kinds(row),
    ...summary(row),
    `${row.links} links a node; ${row.stepsPerSecond} steps a second; ${row.speed} virtual seconds for one of CPU, ` +
      `${row.realSpeed} for a real one; ${Math.round(row.memory / 2 ** 20)} MB, ${Math.round(row.memoryPerNode / 1024)} kB a node`,
  ].join('\n')
}

function lines(role: string, figures: RoleFigures | undefined): string[] {
  if (figures === undefined) return []
  const { lanIn, lanOut, wanIn, wanOut, checksPerSecond } = figures
  const line = (what: string, values: Spread) => `${`${role}, ${what}`.padEnd(26)}${spread(values)}`
  const bytes = [line('LAN in', lanIn), line('LAN out', lanOut), line('WAN in', wanIn), line('WAN out', wanOut)]
  return [...bytes, line('checks a second', checksPerSecond)]
}

/** Means, by kind. */
function kinds({ plain, reporters }: ScaleRow): string[] {
  const roles = [plain, reporters].filter((role) => role !== undefined)
  const ways = ['LAN in', 'WAN in', 'out']
  const head = roles.flatMap((_, at) => ways.map((way) => cell(at === 0 ? way : `rep. ${way}`, 13))).join('')
  return [
    `${'kind (mean)'.padEnd(14)}${head}`,
    ...[...KINDS, 'upkeep'].map((kind) => {
      const cells = roles.flatMap(({ kinds: of }) => {
        const { lanIn = 0, wanIn = 0, out = 0 } = of[kind] ?? {}
        return [lanIn, wanIn, out].map((value) => cell(value, 13))
      })
      return `${kind.padEnd(14)}${cells.join('')}`
    }),
  ]
}

function summary({ view }: ScaleRow): string[] {
  const { held, age, zones, dark, darkNames, nodes } = view
  const names = darkNames.length > 0 ? `: ${darkNames.join(', ')}` : ''
  return [
    `${Math.round(held * 100)} % of the nodes hold a summary: ${nodes} nodes in ${zones} zones, ${dark} zones dark${names}`,
    `${'its oldest part, seconds'.padEnd(26)}${spread(age)}`,
  ]
}
