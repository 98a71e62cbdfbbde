// Another process for killed.test.ts: writes pieces, takes a whole encoding and forgets another, and ends with SIGKILL on the way.
// Prints a line when a thing is done.
import { writeSync } from 'node:fs'
import { openArtifacts } from '../../src/artifact/store.ts'
import { encodingOf, someBytes } from '../contracts/artifacts.ts'
import { killAt } from '../install/killing.ts'

const [folder = '', nth = ''] = process.argv.slice(2)
const signal = new AbortController().signal
await killAt(Number(nth))

const pieces = someBytes(5_000)
const { encoding, pieceList } = encodingOf(pieces)
const artifacts = await openArtifacts({ folder })
const done = (what: string) => writeSync(1, `${what}\n`)
await artifacts.prepare(encoding, pieceList, { decoded: 0, signal })
for (const index of [3, 0, 4, 1]) {
  await artifacts.write(encoding.hash, index, pieces.slice(index * 1_024, (index + 1) * 1_024))
  done(`${index}`)
}
await artifacts.sync(encoding.hash)
const whole = someBytes(3_000, 2)
const imported = encodingOf(whole)
await artifacts.import(
  imported.encoding,
  (async function* () {
    yield whole.slice(0, 2_000)
    yield whole.slice(2_000)
  })(),
  { signal },
)
done('imported')
await artifacts.forget(encodingOf(someBytes(2_000, 3)).encoding.hash)
done('forgotten')
await artifacts.close()
