// The benchmarks: npm run bench -- NAME [--json]. Progress on stderr, a table on stdout, one JSON object as the last line.
import { parseArgs } from 'node:util'
import { benchDaemon } from './daemon.ts'

export interface Report {
  /** One JSON object; its keys are documented in docs/benchmarks.md. */
  json: Record<string, unknown>
  /** Lines for a person. */
  table: string[]
}

const benches: Record<string, (say: (line: string) => void, seconds: number) => Promise<Report>> = {
  daemon: benchDaemon,
}

function usage(problem: string): never {
  process.stderr.write(
    `bench: ${problem}; usage: npm run bench -- ${Object.keys(benches).join('|')} [--json] [--seconds 60]\n`,
  )
  process.exit(2)
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, seconds: { type: 'string', default: '60' } },
    })
  } catch (error) {
    return usage((error as Error).message)
  }
}

const { values, positionals } = readArguments()
const bench = benches[positionals[0] ?? '']
const seconds = Number(values.seconds)
if (bench === undefined || positionals.length > 1) usage(`there is no benchmark "${positionals.join(' ')}"`)
if (!Number.isInteger(seconds) || seconds < 10 || seconds > 600)
  usage('--seconds must be a whole number from 10 to 600')
const report = await bench((line) => process.stderr.write(`${line}\n`), seconds)
if (!values.json) process.stdout.write(`${report.table.join('\n')}\n`)
process.stdout.write(`${JSON.stringify(report.json)}\n`)
