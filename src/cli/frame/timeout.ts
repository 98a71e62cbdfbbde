// How long the zones of a fleet may take to answer a question.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { parseDuration } from '../format/quantity.ts'
import type { Args, OptionSpecs } from './command.ts'

export const timeoutOption: OptionSpecs = {
  timeout: { type: 'string', value: '5s', help: 'how long zones may take to answer' },
}

/** In ms. E_USAGE. */
export function zoneTimeout(args: Args): number {
  const timeoutMs = parseDuration('timeout', args.text('timeout') ?? `${limits.queryTimeout}ms`)
  if (timeoutMs >= 1 && timeoutMs <= limits.apiQueryTimeoutMax) return timeoutMs
  throw new Failure(
    'E_USAGE',
    `--timeout takes 1ms to ${limits.apiQueryTimeoutMax / 1_000}s, not "${args.text('timeout')}"`,
  )
}
