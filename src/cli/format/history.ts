// Values over time on a screen: one line of what it is, a small picture, the figures, and rows of steps, gaps as gaps.
import type { HistoryJson, HistoryPointJson, SeriesJson } from '../../daemon/api-types.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import { metricText, throttleText } from './metric.ts'
import { age, bytes, counted, span } from './quantity.ts'
import { tableLines } from './table.ts'

const BLOCKS = [...'▁▂▃▄▅▆▇█']
/** Levels for a terminal without blocks. */
const LEVELS = [...'_.-=+*%#']
/** Lines of a table that nobody asked to be finer. */
const LINES = 24
const PICTURE_WIDTH = 72
const DAY = 86_400_000

interface Options {
  /** The steps are those that were asked for. */
  stepped: boolean
  ascii: boolean
}

export function historyLines(
  answer: HistoryJson,
  terminal: Pick<Terminal, 'paint' | 'columns'>,
  options: Options,
): string[] {
  const { summary } = answer
  const points = fromFirstValue(answer.points)
  const text = (value: number | null) => valueText(answer.unit, value)
  const head = `${terminal.paint('bold', plain(`${answer.name} ${answer.metric}`))}  ${answer.says}, last ${span(answer.sinceMs)}`
  const width = Math.min(PICTURE_WIDTH, terminal.columns - 1)
  const picture = pictureOf(groups(points, Math.ceil(points.length / width)), options.ascii)
  const figures = `min ${text(summary.min)}   mean ${text(summary.mean)}   max ${text(summary.max)}   last ${text(summary.last)}`
  const rows = options.stepped ? [...points] : groups(points, Math.ceil(points.length / LINES))
  const columns = [
    { title: 'FROM', cell: ({ at }: HistoryPointJson) => timeText(at, answer.sinceMs) },
    {
      title: 'AGO',
      right: true,
      cell: ({ ageMs, certain }: HistoryPointJson) => `${certain ? '' : '> '}${age(ageMs)}`,
    },
    { title: 'MIN', right: true, cell: ({ min }: HistoryPointJson) => text(min) },
    { title: 'MEAN', right: true, cell: ({ value }: HistoryPointJson) => text(value) },
    { title: 'MAX', right: true, cell: ({ max }: HistoryPointJson) => text(max) },
  ]
  const source = terminal.paint(answer.completeness.complete ? 'grey' : 'yellow', sourceText(answer))
  if (points.length === 0) return [head, source]
  const unsure = rows.some(({ certain }) => !certain)
  return [
    ...[head, picture, figures, ''],
    ...tableLines(columns, rows),
    ...beginText(answer, points),
    ...(unsure ? ['', '"> ": at least so long ago; a restart with a clock that nobody vouched for lies between'] : []),
    ...['', source],
  ]
}

/** A node that was set up a minute ago is shown by seconds, not as a day that is empty. */
function fromFirstValue(points: readonly HistoryPointJson[]): readonly HistoryPointJson[] {
  const first = points.findIndex(({ value }) => value !== null)
  return first < 0 ? [] : points.slice(first)
}

function beginText({ points, sinceMs }: HistoryJson, [first]: readonly HistoryPointJson[]): string[] {
  const begins = first === undefined || first === points[0] ? undefined : first
  return begins === undefined ? [] : [`no values from before ${timeText(begins.at, sinceMs)}`]
}

/** `from a witness (pi-7), 1,412 of 1,440 minutes, newest 3 min ago`. */
export function sourceText({ name, source, by, completeness }: HistoryJson): string {
  const names = by.filter((one) => one.rows > 0).map((one) => plain(one.name ?? one.node))
  const who = names.length === 1 ? 'a witness' : `${names.length} witnesses`
  const from = source === 'itself' ? 'from the node itself' : `from ${who} (${names.join(', ')})`
  const { rows, expected, of, newestMs, oldestMs } = completeness
  if (rows === 0) return `${from}: no value of this in that time; "pimesh history ${plain(name)}" lists what there is`
  const many = of === 'quarter of an hour' ? 'quarters of an hour' : `${of}s`
  const begins = source === 'itself' && oldestMs !== null ? `, oldest ${age(oldestMs)} ago` : ''
  return `${from}, ${number(rows)} of ${number(expected)} ${expected === 1 ? of : many}, newest ${age(newestMs)} ago${begins}`
}

export function historyCsv({ points, unit, names, metric }: HistoryJson): string[] {
  if (metric === null)
    return [
      'name,unit,kind,value,age',
      ...names.map(({ ageMs = null, ...one }) =>
        [quoted(one.name), one.unit, one.kind, one.value ?? '', ageMs === null ? '' : ageMs / 1_000].join(','),
      ),
    ]
  const cells = ({ at, certain, value, min, max }: HistoryPointJson) => [
    at,
    certain,
    value ?? '',
    min ?? '',
    max ?? '',
    unit,
  ]
  return ['from,certain,mean,min,max,unit', ...points.map((point) => cells(point).join(','))]
}

export function namesLines(answer: HistoryJson): string[] {
  const columns = [
    { title: 'METRIC', cell: ({ name }: SeriesJson) => name },
    { title: 'KIND', cell: ({ kind }: SeriesJson) => kind },
    { title: 'NEWEST', right: true, cell: ({ name, unit, value }: SeriesJson) => newestText(name, unit, value) },
    { title: 'AGE', right: true, cell: ({ ageMs = null }: SeriesJson) => (ageMs === null ? '-' : age(ageMs)) },
  ]
  const from = answer.source === 'itself' ? 'from the node itself' : 'from its witnesses, who keep no others'
  const short = 'short names, such as cpu_busy or cpu_temp, are ratios and rates of these: see docs/metrics.md'
  return [
    ...tableLines(columns, answer.names),
    '',
    `${counted(answer.names.length, 'series').replace('seriess', 'series')} ${from}; ${short}`,
  ]
}

/** One character for each point: the height within what there is, a space for a gap. */
export function pictureOf(points: readonly Pick<HistoryPointJson, 'value'>[], ascii: boolean): string {
  const heights = ascii ? LEVELS : BLOCKS
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]))
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const place = (value: number) =>
    most === least ? 0 : Math.round(((value - least) / (most - least)) * (heights.length - 1))
  return points.map(({ value }) => (value === null ? ' ' : heights[place(value)])).join('')
}

/** Every `size` points as one: the newest group is whole, the oldest may be short. */
function groups(points: readonly HistoryPointJson[], size: number): HistoryPointJson[] {
  const result: HistoryPointJson[] = []
  for (let end = points.length; end > 0; end -= size) result.unshift(joined(points.slice(Math.max(0, end - size), end)))
  return result
}

function joined(points: readonly HistoryPointJson[]): HistoryPointJson {
  const [first] = points as [HistoryPointJson]
  const some = (pick: (point: HistoryPointJson) => number | null) =>
    points.flatMap((point) => (pick(point) === null ? [] : [pick(point) as number]))
  const [values, least, most] = [some(({ value }) => value), some(({ min }) => min), some(({ max }) => max)]
  const certain = points.every((point) => point.certain)
  if (values.length === 0) return { ...first, certain, value: null, min: null, max: null }
  const value = values.reduce((sum, one) => sum + one, 0) / values.length
  return { ...first, certain, value, min: Math.min(...least), max: Math.max(...most) }
}

/** A value with its unit; a gap is `-`. */
export function valueText(unit: string, value: number | null): string {
  if (value === null) return '-'
  switch (unit) {
    case 'share':
      return `${(100 * value).toFixed(1)} %`
    case 'degC':
      return `${value.toFixed(1)} °C`
    case 'B':
      return bytes(value)
    case 'B/s':
      return `${bytes(value)}/s`
    case 's':
      return Math.abs(value) < 60 ? `${rounded(value)} s` : span(value * 1_000)
    case 'Hz':
      return `${Math.round(value / 1e6)} MHz`
    case '1':
      return rounded(value)
    case '1/s':
      return `${rounded(value)}/s`
    case 'bits':
      return throttleText(value)
    default:
      return `${rounded(value)} ${plain(unit)}`
  }
}

export function newestText(name: string, unit: string, value: number | null): string {
  return /^(node|process|rpi)_/.test(name) ? metricText(name, value) : valueText(unit, value)
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(value !== 0 && Math.abs(value) < 1 ? 2 : 4)))
}

/** Local time; with the day where there is more than one. */
function timeText(at: string, sinceMs: number): string {
  const date = new Date(at)
  const two = (part: number) => String(part).padStart(2, '0')
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`
  if (sinceMs < DAY / 24) return `${clock}:${two(date.getSeconds())}`
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`
}

const number = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',')
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
