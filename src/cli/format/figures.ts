// The answer to a question about many nodes: a line for each group, and what the figures rest on.
import type { FigureJson, QuestionJson } from '../../daemon/api-fleet-types.ts'
import { belowText } from './below.ts'
import { measureText } from './metric.ts'
import { darkText, unknownText } from './nodes.ts'
import { age, counted, grouped } from './quantity.ts'
import { type Column, pairLines, tableLines } from './table.ts'

type GroupJson = QuestionJson['groups'][number]

/** All lines; the last one says how complete they are, how old, and how they came. */
export function questionLines(answer: QuestionJson): string[] {
  const { by, groups, columns } = answer
  const [only] = groups
  const body =
    by === null && only !== undefined
      ? pairLines(columns.map(({ text, unit }, at) => [text, figureText(only.figures[at] as FigureJson, unit)]))
      : groups.length === 0
        ? noGroup(answer)
        : tableLines(columnsOf(answer), groups)
  return [...body, restsOn(answer)]
}

/** A title without a line below it would look like a line that was lost. */
function noGroup({ by }: QuestionJson): string[] {
  return by === 'release' ? ['no node tells of a release'] : []
}

function columnsOf({ by, columns }: QuestionJson): Column<GroupJson>[] {
  const counts = columns.every(({ unit }) => unit === 'nodes')
  return [
    { title: (by ?? '').toUpperCase(), cell: ({ group, dark }) => `${group ?? '-'}${dark ? ' (dark)' : ''}` },
    ...columns.map(
      ({ text, unit }, at): Column<GroupJson> => ({
        title: text,
        right: true,
        cell: ({ figures }) => figureText(figures[at] as FigureJson, unit),
      }),
    ),
    ...(counts
      ? []
      : [{ title: 'NODES', right: true, cell: ({ nodes, dark }: GroupJson) => (dark ? '-' : grouped(nodes)) }]),
    { title: 'AGE', right: true, cell: ({ ageMs, dark }) => (dark ? '-' : age(ageMs)) },
  ]
}

/** `61.0 °C ± 1.5`, `42 % ± 2`, `8,925`. */
export function figureText({ value, error }: FigureJson, unit: string): string {
  if (value === null) return '-'
  if (unit === 'nodes') return grouped(value)
  const text = measureText(value, unit)
  return error === 0 ? text : `${text} ± ${errorText(error, unit)}`
}

/** In the unit of the value where that is the same for both; a span of time has its own. */
function errorText(error: number, unit: string): string {
  const text = measureText(unit === 'share' ? Math.ceil(error * 1_000) / 1_000 : error, unit)
  return unit === 's' ? text : text.replace(/ \D+$/, '')
}

const WAYS: Readonly<Record<QuestionJson['way'], string>> = {
  summary: 'from the fleet summary, nobody was asked',
  digests: 'from digests of zones, nobody was asked',
  rows: 'exact, from the rows of nodes',
}

/** Reporters of inner zones may have been asked for the zones below. */
function wayText(way: QuestionJson['way'], asked: number): string {
  if (way !== 'digests' || asked === 0) return WAYS[way]
  return `from digests of zones, those below told by reporters of ${counted(asked, 'inner zone')}`
}

/** `357 of 397 zones, 8,925 nodes, oldest 42 s (partial); 40 dark: ...; from the fleet summary, nobody was asked`. */
export function restsOn({ way, completeness, groups }: QuestionJson): string {
  const { zonesAnswered, zonesKnown, nodes, oldestMs, complete, dark, darkZones } = completeness
  const oldest = nodes === 0 && (groups.length === 0 || oldestMs === null) ? '' : `, oldest ${age(oldestMs)}`
  const zones = `${grouped(zonesAnswered)} of ${counted(zonesKnown, 'zone')} answered`
  return `${zones}, ${counted(nodes, 'node')}${oldest}${complete ? '' : ' (partial)'}${darkText({ dark, darkZones }, way === 'rows' ? '"pimesh nodes --dark"' : '"pimesh zones"')}${unknownText(completeness)}${belowText(completeness.below)}; ${wayText(way, completeness.below?.asked ?? 0)}`
}
