// Another process for patch.ts, so that what it costs can be told apart: makes a patch, or applies one as a node does. One line of JSON.
import { makePatch } from '../../src/artifact/patch/make.ts'
import { fileInstaller } from '../../src/install/file.ts'
import { processReading } from './processes.ts'

const [what = '', text = ''] = process.argv.slice(2)
const words = JSON.parse(text)
const { signal } = new AbortController()
const idle = process.memoryUsage().rss
const began = performance.now()
const before = process.cpuUsage()

async function run(): Promise<object> {
  if (what === 'make') return { patch: await makePatch({ ...words, signal }) }
  await fileInstaller({ root: words.root }).stage(words.job, { encoded: words.encoded, signal })
  return {}
}

const result = await run()
const { user, system } = process.cpuUsage(before)
// Not what getrusage says: that begins with the peak of the process that started this one.
const { peakRssBytes } = processReading(process.pid)
const costs = {
  seconds: (performance.now() - began) / 1000,
  cpuSeconds: (user + system) / 1e6,
  peakRssBytes,
  aboveIdleBytes: peakRssBytes - idle,
}
process.stdout.write(JSON.stringify({ ...result, ...costs }))
