// A block: the rows of one tier of one node over some time, packed column by column (protocol clause HISTORY 3). In memory, on disk
// and on the wire it is the same bytes; a column can be taken out of it without unpacking the others.
import { concat, utf8 } from '../bytes.ts'
import type { Millis } from '../env.ts'
import { METRICS, type Metric, type MetricKind, metricIndex } from '../fleet/metrics.ts'
import { limits } from '../limits.ts'
import { INTEGER_BOUND, packIntegers, unpackIntegers } from './integers.ts'
import { type PackedValues, packSteps, packValues, STEPS, unpackValues } from './values.ts'

export interface Series {
  name: string
  /** As METRICS has it, or as the collector says. */
  unit: string
  kind: MetricKind
}

/** Of a gauge in a coarse tier: its mean is the value, and beside it are the least and the largest sample. */
export const AGGREGATES = ['value', 'least', 'most'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export interface Column {
  series: Series
  aggregate: Aggregate
  /** One a row; null is a gap. */
  values: readonly (number | null)[]
}

/** When a block's rows were taken, by the clocks of its keeper. */
export interface BlockHead {
  /** The run of the keeper's daemon, ascending. */
  run: number
  /** Seconds of the first and of the last row, on the monotonic clock of that run: of a row's last sample, so that rates are exact. */
  first: number
  last: number
  /** What the wall clock showed at `first`, and whether somebody vouched for it when the block was last written to. */
  wall: Millis
  trusted: boolean
  /** The next row was due within this time of the last: a longer silence is a gap. */
  period: Millis
}

export interface Block extends BlockHead {
  payload: Uint8Array
}

/** A column that was not unpacked. */
interface PackedColumn extends PackedValues {
  series: Series
  aggregate: Aggregate
}

const metrics: readonly Metric[] = METRICS
const KINDS: readonly MetricKind[] = ['counter', 'gauge']

/** Rows by their seconds, ascending; columns without any value are left out. */
export function packBlock(seconds: readonly number[], columns: readonly Column[]): Uint8Array {
  const first = seconds[0] ?? 0
  const times = packIntegers(seconds.map((second) => second - first))
  const full = columns.filter(({ values }) => values.some((value) => value !== null))
  return concat([varint(seconds.length), sized(times), ...full.map(packColumn)])
}

export class BlockReader {
  readonly rows: number
  readonly #times: Uint8Array
  readonly #columns: readonly PackedColumn[]

  /** Undefined for bytes that are no block. What a column holds is checked when it is unpacked. */
  static of(payload: Uint8Array): BlockReader | undefined {
    const input = new ByteReader(payload)
    const rows = input.varint()
    const times = input.sized()
    const columns: PackedColumn[] = []
    while (!input.done && !input.broken && columns.length <= limits.historyBlockColumns) {
      const column = readColumn(input)
      if (column !== undefined) columns.push(column)
    }
    const good = rows >= 1 && rows <= limits.historyBlockRows && columns.length <= limits.historyBlockColumns
    return good && !input.broken ? new BlockReader(rows, times, columns) : undefined
  }

  private constructor(rows: number, times: Uint8Array, columns: readonly PackedColumn[]) {
    this.rows = rows
    this.#times = times
    this.#columns = columns
  }

  get series(): readonly Series[] {
    return this.#columns.filter(({ aggregate }) => aggregate === 'value').map(({ series }) => series)
  }

  /** Seconds of the rows from that of the first one on, ascending; undefined when the bytes do not hold such. */
  seconds(first: number): number[] | undefined {
    const offsets = unpackIntegers(this.#times, this.rows)
    if (offsets === undefined || offsets[0] !== 0) return undefined
    const ascending = offsets.every((one, at) => one !== null && (at === 0 || one > (offsets[at - 1] as number)))
    return ascending ? offsets.map((one) => first + (one as number)) : undefined
  }

  /** One value a row; undefined when there is no such column, or none that can be unpacked. */
  values(name: string, aggregate: Aggregate = 'value'): (number | null)[] | undefined {
    const column = this.#columns.find((one) => one.series.name === name && one.aggregate === aggregate)
    if (column === undefined) return undefined
    const index = metricIndex(name)
    return unpackValues(column, this.rows, index === undefined ? 1 : (metrics[index] as Metric).step)
  }

  /** The same block with these series only. */
  only(names: ReadonlySet<string>): Uint8Array {
    const wanted = this.#columns.filter(({ series }) => names.has(series.name))
    return concat([varint(this.rows), sized(this.#times), ...wanted.map(columnBytes)])
  }
}

function packColumn({ series, aggregate, values }: Column): Uint8Array {
  const index = metricIndex(series.name)
  const packed = index === undefined ? packValues(values) : packSteps(values, (metrics[index] as Metric).step)
  return columnBytes({ series, aggregate, ...packed })
}

function columnBytes({ series, aggregate, form, bytes }: PackedColumn): Uint8Array {
  const index = metricIndex(series.name)
  const what = Uint8Array.of(AGGREGATES.indexOf(aggregate) * 16 + form)
  const named =
    index === undefined
      ? [varint(0), sized(utf8(series.name)), sized(utf8(series.unit)), varint(KINDS.indexOf(series.kind))]
      : [varint(index + 1)]
  return concat([...named, what, sized(bytes)])
}

/** Undefined for a series that only a newer pimesh knows: it is skipped. */
function readColumn(input: ByteReader): PackedColumn | undefined {
  const series = readSeries(input)
  const what = input.byte()
  const bytes = input.sized()
  const [aggregate, form] = [AGGREGATES[what >> 4], what & 15]
  if (series === undefined || aggregate === undefined) return undefined
  const index = metricIndex(series.name)
  if (form === STEPS && index === undefined) return input.breakOff()
  return { series, aggregate, form, bytes }
}

function readSeries(input: ByteReader): Series | undefined {
  const index = input.varint()
  if (index > 0) return metrics[index - 1]
  const [name, unit] = [text(input.sized()), text(input.sized())]
  const kind = KINDS[input.varint()]
  if (name === undefined || unit === undefined || kind === undefined || name === '') return input.breakOff()
  return { name, unit, kind }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

function sized(bytes: Uint8Array): Uint8Array {
  return concat([varint(bytes.length), bytes])
}

/** Text of at most historyNameBytes bytes of UTF-8, or undefined. */
function text(bytes: Uint8Array): string | undefined {
  if (bytes.length > limits.historyNameBytes) return undefined
  let escaped = ''
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, '0')}`
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}

/** Reads what somebody else may have written: past the end, all is 0 and empty, and `broken`. */
class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0
  broken = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  breakOff(): undefined {
    this.broken = true
    return undefined
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) this.broken = true
    return byte ?? 0
  }

  varint(): number {
    let value = 0
    for (let scale = 1; scale <= INTEGER_BOUND; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    this.broken = true
    return 0
  }

  /** A view of the bytes whose number stands before them. */
  sized(): Uint8Array {
    const length = this.varint()
    if (length > this.#bytes.length - this.#at) this.broken = true
    const part = this.broken ? new Uint8Array() : this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += part.length
    return part
  }
}
