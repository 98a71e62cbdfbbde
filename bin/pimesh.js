#!/usr/bin/env -S node --max-semi-space-size=1 --optimize-for-size --no-parallel-scavenge --heap-growing-percent=30
// The start of `pimesh`. Plain JavaScript of 2019, so that a Node which is too old can read it and say so before it
// touches anything; only then the bundle is loaded. The flags above save about 10 MB in a daemon. What is young is collected
// without helpers: on a busy board that waits for them ten times as long as it works. (--single-threaded-gc would cost 60 MB in a
// download: buffers are let go in the background.) To be looked at with each new Node, which refuses a flag that it does not know.
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 does not know it
import fs from 'fs'
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 does not know it
import url from 'url'

const FLOOR = [22, 19]
const bundle = new URL('../dist/pimesh.js', import.meta.url)

function tooOld(version) {
  const parts = version.split('.').map(Number)
  return parts[0] < FLOOR[0] || (parts[0] === FLOOR[0] && parts[1] < FLOOR[1])
}

function refuse(sentence, status) {
  process.stderr.write(`pimesh: ${sentence}\n`)
  process.exitCode = status
}

if (tooOld(process.versions.node)) {
  const found = `needs Node ${FLOOR.join('.')} or newer, this is ${process.versions.node} (${process.execPath})`
  const checkout = fs.existsSync(new URL('../package-lock.json', import.meta.url))
  const advice = checkout
    ? 'run it as "npx pimesh" in the checkout, which brings its own Node 24, or put a newer Node first on the PATH'
    : 'install a newer Node, or put one first on the PATH'
  refuse(`${found}: ${advice} [E_NODE_OLD]`, 2)
} else if (!fs.existsSync(bundle)) {
  const folder = url.fileURLToPath(new URL('..', import.meta.url))
  refuse(`is not built yet: run "npm ci && npm run build" in ${folder} [E_STATE]`, 1)
} else {
  import(bundle.href)
}
