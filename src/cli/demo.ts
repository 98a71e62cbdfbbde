// `pimesh demo`: six nodes in two zones on this machine, as real processes that joined with real invites.
import { closeSync, existsSync, openSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Artifact } from './demo/delivery.ts'
import { Display } from './demo/display.ts'
import type { Fleet } from './demo/fleet.ts'
import { makeFolder } from './demo/folder.ts'
import type { Summary } from './demo/story.ts'
import { bytes } from './format/quantity.ts'
import type { Command, Context } from './frame/command.ts'

export const demo: Command = {
  name: 'demo',
  summary: 'six nodes in two zones on this machine, to see how it works',
  usage: '[--once] [--artifact FILE] [--keep DIR]',
  details: `Starts six daemons and an operator's peer on 127.0.0.1 in a temporary folder, publishes an artifact that
all six fetch from each other and install, kills one and brings it back. Then everything stays up for
you to try; Ctrl-C stops all of it and removes the folder. The daemons run with --lifeline: they end when the demo does, whatever ends it.`,
  options: {
    once: { type: 'boolean', help: 'end after the story, with exit status 0 when all went well' },
    artifact: {
      type: 'string',
      value: 'FILE',
      help: 'what to publish (default: the largest file of the bundle of pimesh)',
    },
    keep: { type: 'string', value: 'DIR', help: 'use this new folder, and leave it with keys, data and logs' },
  },
  examples: [
    ['pimesh demo', 'look, then try the commands that it prints'],
    ['pimesh demo --once', 'as a test: takes about a minute'],
    ['pimesh demo --artifact image.tar', 'with a file of yours'],
  ],
  run,
}

const INTERRUPTED = 130

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  // Starting processes loads some of Node's network code, which no other command needs.
  const [{ Fleet }, { tellStory }] = await Promise.all([import('./demo/fleet.ts'), import('./demo/story.ts')])
  const signal = context.interrupted()
  const own = args.text('artifact')
  const artifact = own === undefined ? bundle(context) : artifactOf(own, basename(own))
  const display = new Display(terminal)
  const folder = makeFolder(args.text('keep'))
  const fleet = new Fleet({ ...context, folder: folder.path, display, signal })
  const vanish = () => {
    fleet.killAll()
    folder.remove()
  }
  process.once('exit', vanish)
  let summary: Summary | undefined
  try {
    summary = await tellStory(fleet, display, artifact)
    if (!args.flag('once')) await stay(context, fleet, display)
  } catch (error) {
    if (!signal.aborted) throw explained(error, fleet, display)
  } finally {
    display.end()
    await fleet.stopAll()
    folder.remove()
    process.off('exit', vanish)
  }
  const left = args.text('keep') === undefined ? 'nothing was left behind' : `its files are in ${folder.path}`
  if (terminal.interactive && signal.aborted) terminal.print('')
  if (summary === undefined) {
    terminal.notice(`interrupted: every process was stopped and ${left}`)
    return INTERRUPTED
  }
  terminal.print(`${summaryText(summary)} All processes were stopped after ${display.elapsed()}; ${left}.`)
  return 0
}

/** A failure of the demo, after the log of the process that it is about was shown. */
function explained(error: unknown, fleet: Fleet, display: Display): unknown {
  const suspect = fleet.suspect
  if (suspect !== undefined) {
    display.say(`the end of the log of ${suspect}:`)
    for (const line of fleet.logTail(suspect)) display.say(`  | ${line}`)
  }
  if (!(error instanceof Failure) || error.code === 'E_DEMO') return error
  return new Failure('E_DEMO', `the demo ended after ${display.elapsed()}: ${error.message}`, { cause: error })
}

/** What is delivered when nothing is named; the bundler's name of it says nothing to a person. */
function bundle({ program }: Context): Artifact {
  return artifactOf(bundled(program.at(-1) as string), 'pimesh-daemon.js')
}

/** The largest file of the bundle that this program runs from: what a daemon is made of. */
function bundled(program: string): string {
  const dist = join(dirname(realpathSync(program)), '..', 'dist')
  if (!existsSync(dist)) return program
  const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const sized = files
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => [statSync(path).size, path] as const)
  return sized.reduce((most, next) => (next[0] > most[0] ? next : most), [0, program] as const)[1]
}

/** E_ARTIFACT when it is not a file that can be read: before anything is started. */
function artifactOf(path: string, name: string): Artifact {
  const file = resolve(path)
  try {
    closeSync(openSync(file, 'r'))
    const found = statSync(file)
    if (found.isFile()) return { path: file, name, bytes: found.size }
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code
    throw new Failure('E_ARTIFACT', `the artifact ${file} cannot be read (${reason}): give a file`, { cause })
  }
  throw new Failure('E_ARTIFACT', `the artifact ${file} is not a file: give one`)
}

function summaryText({ readyMs, metrics, delivery, victim, lateMs, downMs, backMs, incarnation }: Summary): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
  return `Six nodes in two zones were up ${seconds(readyMs)} after the start, and the operator saw each with ${metrics} metrics of this machine. \
${delivery.release} (${bytes(delivery.bytes)}) was published once, and in use on all six ${seconds(delivery.installedMs)} later. \
${victim} was killed: late after ${seconds(lateMs)}, down after ${seconds(downMs)}; ${seconds(backMs)} after its restart it was up again, with the same node id \
and incarnation ${incarnation}.`
}

/** Keeps all running until Ctrl-C, and shows the nodes whenever somebody presses Enter. */
async function stay({ stdin, terminal }: Context, fleet: Fleet, display: Display): Promise<void> {
  for (const line of fleet.whatToTry()) display.say(line)
  const refresh = () => {
    fleet.operatorNodes().then(
      (answer) => display.table(answer),
      (error: unknown) => terminal.complain(error),
    )
  }
  if (terminal.interactive && stdin.isTTY) stdin.on('data', refresh)
  await fleet.interruption()
  stdin.off('data', refresh).pause()
}
