// Outlives the owner of a laboratory by a moment, to remove it: its standard input ends when the owner wants that, and also when the
// owner is killed. A process of its own, with the prefix as its argument.
import { setTimeout as wait } from 'node:timers/promises'
import { folderOf, laboratories, remove } from './owner.ts'

/** Programs that a killed owner had started just before may still make a namespace. */
const AFTERMATH = 200
const LOOKS = 3

const prefix = process.argv[2] as string
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
let asked = ''
for await (const chunk of process.stdin) asked += String(chunk)
await removal()
// An owner that says so has ended all that it started.
for (let look = 1; asked === '' && look < LOOKS; look++) {
  await wait(AFTERMATH)
  if (laboratories().includes(prefix)) await removal()
}

async function removal(): Promise<void> {
  await remove(prefix).catch((error) => {
    process.stderr.write(`lab: ${folderOf(prefix)} is not removed: ${error.message}\n`)
    process.exitCode = 1
  })
}
