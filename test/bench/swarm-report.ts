// What came of a benchmark of the swarm: the runs of each entry as medians, and the table that people read.

import { type Spread, spread } from './spread.ts'
import { boundSeconds, type Size } from './swarm-field.ts'

/** Of one run. Copies are bytes over the length of the file. */
export interface Figures {
  /** From the publication until the last node had all of it, checked; and until it was in use everywhere, for who installs. */
  seconds: number
  inUseSeconds: number | null
  firstNodeSeconds: number
  /** Whole frames, of the site with most. */
  copiesIntoSite: number
  copiesOutOfSite: number
  copiesOutOfPublisher: number
  /** The file's bytes alone, as the entry counts them; null where it does not. */
  payloadIntoSite: number | null
  payloadOutOfPublisher: number | null
  cpuSecondsPerNode: number
  cpuSecondsWorst: number
  peakRssBytesPerNode: number
  peakRssBytesWorst: number
  nodeSeconds: Record<string, number>
}

export interface Run {
  entry: string
  run: number
  /** Of the system, at its start. */
  load: number
  /** One sentence; null when every node has the file. */
  failure: string | null
  figures: Figures | null
}

type Measure = Exclude<keyof Figures, 'nodeSeconds'>

/** An entry over its runs: those that failed are in no median. */
export interface Summary {
  entry: string
  runs: number
  failed: number
  /** Null where no run has such a figure. */
  figures: Record<Measure, Spread | null>
}

const MEASURES: Measure[] = [
  'seconds',
  'inUseSeconds',
  'firstNodeSeconds',
  'copiesIntoSite',
  'copiesOutOfSite',
  'copiesOutOfPublisher',
  'payloadIntoSite',
  'payloadOutOfPublisher',
  'cpuSecondsPerNode',
  'cpuSecondsWorst',
  'peakRssBytesPerNode',
  'peakRssBytesWorst',
]

export function summaryOf(entry: string, runs: readonly Run[]): Summary {
  const own = runs.filter((run) => run.entry === entry)
  const over = (measure: Measure) => {
    const values = own.flatMap(({ figures }) => figures?.[measure] ?? [])
    return values.length === 0 ? null : spread(values)
  }
  const figures = Object.fromEntries(MEASURES.map((measure) => [measure, over(measure)])) as Summary['figures']
  return { entry, runs: own.length, failed: own.filter(({ failure }) => failure !== null).length, figures }
}

interface Column {
  title: string
  measure: Measure
  digits: number
  scale?: number
  unit?: string
}

const COLUMNS: Column[] = [
  { title: 'last node', measure: 'seconds', digits: 1, unit: ' s' },
  { title: 'in use', measure: 'inUseSeconds', digits: 1, unit: ' s' },
  { title: 'into a site', measure: 'copiesIntoSite', digits: 2 },
  { title: '(payload)', measure: 'payloadIntoSite', digits: 3 },
  { title: 'out of the publisher', measure: 'copiesOutOfPublisher', digits: 2 },
  { title: '(payload)', measure: 'payloadOutOfPublisher', digits: 2 },
  { title: 'CPU s/node', measure: 'cpuSecondsPerNode', digits: 2 },
  { title: 'worst', measure: 'cpuSecondsWorst', digits: 2 },
  { title: 'peak RSS', measure: 'peakRssBytesPerNode', digits: 0, scale: 1e-6, unit: ' MB' },
  { title: 'worst', measure: 'peakRssBytesWorst', digits: 0, scale: 1e-6, unit: ' MB' },
]

interface Outcome {
  size: Size
  entries: readonly Summary[]
  skipped: Record<string, string>
}

/** Medians, a line for each entry. */
export function tableOf({ size, entries, skipped }: Outcome): string[] {
  const bound = boundSeconds(size)
  const { sites, nodes, kind, bytes } = size
  const name = (text: string) => text.padEnd(Math.max(12, ...entries.map(({ entry }) => entry.length + 2)))
  const width = ({ title }: Column) => Math.max(title.length + 2, 9)
  const cells = (of: (column: Column) => string) => COLUMNS.map((column) => of(column).padStart(width(column))).join('')
  const line = ({ entry, runs, failed, figures }: Summary) => {
    const cell = ({ measure, digits, scale = 1, unit = '' }: Column) => {
      const value = figures[measure]?.median
      return value === undefined ? '-' : `${(value * scale).toFixed(digits)}${unit}`
    }
    const share = figures.seconds === null ? '' : `  ${(figures.seconds.median / bound).toFixed(2)} x bound`
    return `${name(entry)}${cells(cell)}${share}${failed === 0 ? '' : `  ${failed} of ${runs} failed`}`
  }
  return [
    `${sites} sites of ${nodes}, ${kind} NATs, ${bytes / 2 ** 20} MiB: bound ${bound.toFixed(1)} s; medians`,
    `${name('')}${cells(({ title }) => title)}`,
    ...entries.map(line),
    ...Object.entries(skipped).map(([entry, why]) => `${name(entry)}left out: ${why}`),
  ]
}
