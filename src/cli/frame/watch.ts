// Showing an answer again and again until Ctrl-C, in place on a terminal.
import { Failure } from '../../core/failure.ts'
import { parseDuration } from '../format/quantity.ts'
import type { Context, OptionSpecs } from './command.ts'
import { Screen } from './screen.ts'
import { wait } from './wait.ts'

export const watchOption: OptionSpecs = {
  watch: {
    type: 'string',
    bare: '2',
    value: 'SECONDS',
    help: 'show it again every 2 or SECONDS seconds, in place; as JSON one line each time',
  },
}

/** Shortest period in ms. */
const WATCH_MIN = 1_000

/** The period of --watch in ms, undefined without it. E_USAGE. */
export function watchPeriod({ args }: Pick<Context, 'args'>): number | undefined {
  const text = args.text('watch')
  const every = text === undefined ? undefined : parseDuration('watch', text, 's')
  if (every === undefined || every >= WATCH_MIN) return every
  throw new Failure('E_USAGE', `--watch takes at least 1 s, not "${text}"`)
}

export interface Watched<T> {
  ask: () => Promise<T>
  json: boolean
  /** The lines of an answer; the last one says how complete it is. `cramped`: not all of them can be seen, so the worst come first. */
  lines: (answer: T, options: { cramped: boolean }) => string[]
  /** False: the first lines matter most, and no line is kept when not all fit. */
  footer?: boolean | undefined
}

/** Until Ctrl-C; resolves to the last answer. The first one must come; later ones may fail for a while, and the screen says so. */
async function watch<T>(context: Context, watched: Watched<T>, every: number): Promise<T> {
  const { terminal } = context
  const { ask, json, lines, footer } = watched
  const signal = context.interrupted()
  const inPlace = terminal.interactive && !json
  const screen = new Screen(terminal)
  let answer = await ask()
  let trouble: string | undefined
  try {
    while (!signal.aborted) {
      if (inPlace) drawIn(screen, context, { answer, lines, trouble, footer })
      else if (trouble !== undefined) terminal.notice(trouble)
      else terminal.print(json ? JSON.stringify(answer) : lines(answer, { cramped: false }).join('\n'))
      await wait(every, signal)
      trouble = undefined
      answer = await ask().catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error
        trouble = `${error.message} [${error.code}]`
        return answer
      })
    }
  } finally {
    if (inPlace) screen.end()
  }
  return answer
}

/** Once, or until Ctrl-C with a period; resolves to the last answer. */
export async function show<T>(context: Context, shown: Watched<T>, every: number | undefined): Promise<T> {
  if (every !== undefined) return await watch(context, shown, every)
  const answer = await shown.ask()
  if (shown.json) context.terminal.json(answer)
  else context.terminal.print(shown.lines(answer, { cramped: false }).join('\n'))
  return answer
}

interface Drawn<T> extends Pick<Watched<T>, 'lines' | 'footer'> {
  answer: T
  trouble: string | undefined
}

function drawIn<T>(
  screen: Screen,
  { terminal }: Context,
  { answer, lines, trouble, footer: keepsLast = true }: Drawn<T>,
): void {
  const all = lines(answer, { cramped: false })
  const last = keepsLast ? all.slice(-1) : []
  const footer = trouble === undefined ? last : [...last, terminal.paint('red', `not current: ${trouble}`)]
  const body = all.slice(0, all.length - last.length)
  const cramped = () => lines(answer, { cramped: true }).slice(0, keepsLast ? -1 : undefined)
  screen.draw(screen.fits(body, footer) ? body : cramped(), footer)
}
