// The unit of a series, from its name as Prometheus' conventions have it, or from a UNIT line.
import { limits } from '../../core/limits.ts'

/** Base units by the word in a name; the short forms are those of METRICS. */
const UNITS: Readonly<Record<string, string>> = {
  seconds: 's',
  bytes: 'B',
  celsius: 'degC',
  hertz: 'Hz',
  volts: 'V',
  amperes: 'A',
  watts: 'W',
  joules: 'J',
  meters: 'm',
  metres: 'm',
  grams: 'g',
  pascals: 'Pa',
  ratio: 'ratio',
  percent: '%',
  rpm: 'rpm',
  dbm: 'dBm',
  lux: 'lx',
}

/** `declared`: what a UNIT line says. Without either it is a plain number, '1'. */
export function unitOf(name: string, declared: string | undefined): string {
  if (declared !== undefined) return (UNITS[declared] ?? declared).slice(0, limits.unitLength)
  const words = name.split('_').reverse()
  const word = words.find((candidate) => !(candidate === 'total' || candidate === 'sum'))
  return (word !== undefined && Object.hasOwn(UNITS, word) && UNITS[word]) || '1'
}
