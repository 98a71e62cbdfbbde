// Sketches: how the values of one metric are spread over many nodes, as counts in fixed bins (decision 0018). The bins are the same for
// all nodes and versions, so sketches add up without error and in any order; a quantile is off by at most what the table promises.
// The order of SKETCHED is the wire format: append only, and never change a row that was released (protocol clause DIGEST).

/** Bins of one metric: they grow by a factor (`error` is relative to value + scale), or have one width (`error` is absolute). */
interface Bins {
  /** Where the first bin begins, in the metric's unit. Values below it count in the first one. */
  from: number
  /** Of growing bins: the distance from `from` at which they begin to grow. */
  scale?: number
  /** Off by at most this part of (value - from + scale), or by this much where the bins have one width. */
  error: number
}

export interface SketchedMetric extends Bins {
  /** As in MEASURES, where it is one of them. */
  name: string
  unit: 'share' | 'degC' | '1' | 's'
}

/** Most bins of a metric; the last one takes all above. */
export const SKETCH_BINS = 32

/** A share of 0 to 1: 5 % of (value + 0.0425). */
const share = { unit: 'share', from: 0, scale: 0.0425, error: 0.05 } as const

export const SKETCHED = [
  { name: 'cpu_busy', ...share },
  { name: 'mem_available', ...share },
  /** Of the data folder's disk or the root's, whichever has less. */
  { name: 'disk_available', ...share },
  /** 10 to 106 degC, bins of 3 degC: 5 % from 30 degC on. */
  { name: 'cpu_temp', unit: 'degC', from: 10, error: 1.5 },
  /** For each CPU, up to 5.9. */
  { name: 'load1', unit: '1', from: 0, scale: 0.25, error: 0.05 },
  { name: 'io_pressure', ...share },
  /** Minutes to four years: 32 bins of 5 % would end after two hours. */
  { name: 'uptime', unit: 's', from: 0, scale: 300, error: 0.2 },
  /** Since the record was heard; up to twenty minutes, the longest promise twice. */
  { name: 'record_age', unit: 's', from: 0, scale: 2, error: 0.1 },
] as const satisfies readonly SketchedMetric[]

export type SketchName = (typeof SKETCHED)[number]['name']

/** Counts by bin; bins after the last one that is not empty are left out. */
export type Sketch = readonly number[]

export const EMPTY_SKETCH: Sketch = []

const metrics: readonly SketchedMetric[] = SKETCHED
const EDGES: readonly (readonly number[])[] = metrics.map(edgesOf)
const PLACES = new Map<string, number>(metrics.map(({ name }, index) => [name, index]))

/** Place of a metric in SKETCHED; undefined for an unknown name. */
export function sketchIndex(name: string): number | undefined {
  return PLACES.get(name)
}

/** The sketch with one value more; a value that is not finite counts nowhere. */
export function addValue(sketch: Sketch, name: SketchName, value: number): Sketch {
  if (!Number.isFinite(value)) return sketch
  const bin = binOf(name, value)
  const counts = [...sketch]
  while (counts.length <= bin) counts.push(0)
  counts[bin] = (counts[bin] as number) + 1
  return counts
}

/** The sketch of all values of all of them; the order plays no part. */
export function mergeSketches(sketches: readonly Sketch[]): Sketch {
  const counts: number[] = []
  for (const sketch of sketches) {
    for (const [bin, count] of sketch.entries()) counts[bin] = (counts[bin] ?? 0) + count
  }
  return counts
}

/** How many values it holds. */
export function sketchCount(sketch: Sketch): number {
  return sketch.reduce((sum, count) => sum + count, 0)
}

/** The value below or at which a share `q` (0..1) of the values lies, within the metric's error; undefined without values. */
export function quantile(sketch: Sketch, name: SketchName, q: number): number | undefined {
  const count = sketchCount(sketch)
  if (count === 0) return undefined
  let left = Math.max(1, Math.ceil(Math.min(Math.max(q, 0), 1) * count))
  for (const [bin, inBin] of sketch.entries()) {
    left -= inBin
    if (left <= 0) return middleOf(name, bin)
  }
  return undefined
}

export interface Mean {
  mean: number
  /** It is off by at most this much. */
  error: number
}

/** The mean of the values; undefined without values. */
export function meanOf(sketch: Sketch, name: SketchName): Mean | undefined {
  const count = sketchCount(sketch)
  if (count === 0) return undefined
  let [sum, error] = [0, 0]
  for (const [bin, inBin] of sketch.entries()) {
    const middle = middleOf(name, bin)
    sum += inBin * middle
    error += inBin * errorAt(name, middle)
  }
  return { mean: sum / count, error: error / count }
}

/** By how much a quantile that is `value` may be off, in the metric's unit. Holds for values within its bins. */
export function errorAt(name: SketchName, value: number): number {
  const { from, scale, error } = metricOf(name)
  return scale === undefined ? error : error * (value - from + scale)
}

/** The values that the bins tell apart: from the first edge to the end of the last bin. */
export function rangeOf(name: SketchName): { from: number; to: number } {
  const edges = edgesFor(name)
  return { from: edges[0] as number, to: edges[SKETCH_BINS] as number }
}

function binOf(name: SketchName, value: number): number {
  const edges = edgesFor(name)
  let [low, high] = [0, SKETCH_BINS - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (value >= (edges[middle] as number)) low = middle
    else high = middle - 1
  }
  return low
}

/** Where the error is the same to both edges. */
function middleOf(name: SketchName, bin: number): number {
  const { from, scale, error } = metricOf(name)
  const edge = edgesFor(name)[bin] as number
  return scale === undefined ? edge + error : (edge - from + scale) * (1 + error) - scale + from
}

function metricOf(name: SketchName): SketchedMetric {
  return metrics[PLACES.get(name) as number] as SketchedMetric
}

function edgesFor(name: SketchName): readonly number[] {
  return EDGES[PLACES.get(name) as number] as readonly number[]
}

function edgesOf({ from, scale, error }: Bins): number[] {
  const growth = (1 + error) / (1 - error)
  return Array.from({ length: SKETCH_BINS + 1 }, (_, bin) =>
    scale === undefined ? from + 2 * error * bin : from + scale * (growth ** bin - 1),
  )
}
