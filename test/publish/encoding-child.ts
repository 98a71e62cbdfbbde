// Another process for artifact.test.ts, which sees a disk that is full: what a publisher is told, as JSON.
import { withEncoding } from '../../src/publish/artifact.ts'

const [file = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const outcome = await withEncoding(file, { signal }, async () => ({})).catch((error) => ({
  code: error.code,
  message: error.message,
}))
process.stdout.write(JSON.stringify(outcome))
