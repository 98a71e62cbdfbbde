// The check of how this node is reached.
import type { StatusJson } from '../../daemon/api-types.ts'
import { reachAdvice, reachedText, triedTexts } from '../format/reach.ts'
import { alone } from '../status.ts'
import { type Check, fail, ok, warn } from './check.ts'

/** Nothing of an older daemon, which does not say. */
export function reachCheck(status: StatusJson): Check[] {
  const { reach } = status
  if (reach === undefined) return []
  if (alone(status)) return [ok('reach', 'the only node so far')]
  const text = reachedText(status, reach)
  const advice = reachAdvice(status)
  if (advice === undefined) return [ok('reach', text)]
  if (reach.searchingMs !== null) {
    const check = (status.isolated ? fail : warn)('reach', text, advice)
    return [check, ...triedTexts(reach).map((tried) => ({ name: 'tried', state: check.state, text: tried }))]
  }
  // Nothing is wrong with a node behind a NAT; it could only be better.
  return [{ ...ok('reach', text), advice }]
}
