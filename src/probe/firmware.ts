// What only the firmware of a Raspberry Pi knows: voltages, clock rates, the rails of the power chip. Asked by `vcgencmd`, seldom.
import type { NamedValue } from '../core/fleet/named-values.ts'
import { limits } from '../core/limits.ts'
import { type Command, vcgencmd } from './commands.ts'
import { local } from './local.ts'
import { parsedSigned } from './numbers.ts'

type Values = readonly NamedValue[]

function question(args: readonly string[], parse: (output: string) => Values): Command<Values> {
  // A firmware that does not know the question says `error=1 error_msg="Command not registered"`: that is no answer.
  const answer = (output: string) => {
    const values = parse(output)
    return values.length === 0 ? null : values
  }
  return { programs: vcgencmd, args, period: limits.firmwarePeriod, parse: answer }
}

const measured = (pattern: RegExp, output: string) => parsedSigned(pattern.exec(output)?.[1])

/** `volt=0.8500V`, `frequency(0)=1500398464`, `temp=42.3'C`. */
const everywhere = [
  question(['measure_volts', 'core'], (output) => local('rpi_core_volts', measured(/^volt=([\d.]+)V\s*$/, output))),
  ...['arm', 'emmc'].map((clock) =>
    question(['measure_clock', clock], (output) => {
      return local('rpi_clock_hertz', measured(/^frequency\(\d+\)=(\d+)\s*$/, output), clock)
    }),
  ),
]
const powerChip = question(['measure_temp', 'pmic'], (output) =>
  local('rpi_pmic_temp_celsius', measured(/^temp=(-?[\d.]+)'C\s*$/, output)),
)
/** Lines such as `    EXT5V_V volt(24)=5.15140000V` and `   3V3_SYS_A current(1)=0.03708574A`. */
const rails = question(['pmic_read_adc'], (output) =>
  [...output.matchAll(/^\s*([A-Z0-9_]{1,24})_([AV]) (?:current|volt)\(\d+\)=([\d.]+)[AV]$/gm)].flatMap(
    ([, rail = '', unit, value]) =>
      local(unit === 'A' ? 'rpi_rail_amperes' : 'rpi_rail_volts', parsedSigned(value), rail),
  ),
)

/** What a board of this model can answer; a board that is none of these has no such firmware. */
export function firmwareQuestions(model: string): readonly Command<Values>[] {
  if (!model.startsWith('Raspberry Pi')) return []
  if (/^Raspberry Pi (5|500|Compute Module 5)/.test(model)) return [...everywhere, powerChip, rails]
  return /^Raspberry Pi (4|400|Compute Module 4)/.test(model) ? [...everywhere, powerChip] : everywhere
}
