// Another process for the tests of the installer: stages, switches and tidies, and ends with SIGKILL on the way (see killing.ts).
// Prints what it did to the disk when it comes to the end.
import { fileInstaller } from '../../src/install/file.ts'
import { killAt } from './killing.ts'

const [root = '', encoded = '', job = '', nth = ''] = process.argv.slice(2)
const done = await killAt(Number(nth))
const installer = fileInstaller({ root })
await installer.stage(JSON.parse(job), { encoded, signal: new AbortController().signal })
await installer.switch(JSON.parse(job))
await installer.tidy(JSON.parse(job))
process.stdout.write(JSON.stringify(done))
