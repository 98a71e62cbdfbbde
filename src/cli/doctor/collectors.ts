// Checks of the custom collectors: one line for each that is in trouble, with what to do about it.
import type { CollectorJson } from '../../daemon/api-types.ts'
import { counted } from '../format/quantity.ts'
import { type Check, ok, warn } from './check.ts'

/** Nothing where there are none, and of an older daemon, which does not say. */
export function collectorChecks(collectors: readonly CollectorJson[] | undefined): Check[] {
  if (collectors === undefined || collectors.length === 0) return []
  const troubled = collectors.filter(({ trouble }) => trouble !== null)
  const fine = collectors.filter(({ trouble }) => trouble === null)
  const series = fine.reduce((sum, one) => sum + one.series, 0)
  const summary = ok('collectors', `${counted(fine.length, 'collector')} with ${series} series`)
  return [...(fine.length === 0 ? [] : [summary]), ...troubled.map(collectorCheck)]
}

/** Where what is wrong is said in the words of the collector itself, there is no advice in it. */
const OWN_WORDS = ['malformed', 'failed']
const BY_HAND = 'run it by hand, as the user of the daemon, and look at what it prints'
const WRITER = 'look after what writes it'

/** Every other reason ends with advice: `what is wrong: what to do`. */
function collectorCheck({ name, series, trouble }: CollectorJson): Check {
  const { code, reason } = trouble ?? { code: '', reason: '' }
  const end = OWN_WORDS.includes(code) ? -1 : reason.lastIndexOf(': ')
  const [what, advice] =
    end < 0 ? [reason, name.endsWith('.prom') ? WRITER : BY_HAND] : [reason.slice(0, end), reason.slice(end + 2)]
  const then = series > 0 ? 'its values are still taken' : 'nothing of it is taken'
  return warn('collectors', `${name}: ${what}; ${then}`, advice)
}
