// Packs what a board needs: the bundle and the one library beside it. Everything else is inside the bundle, and the runtime
// that a checkout brings is 190 MB that a board, which has its own Node, would carry for nothing.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Left out of the bundle: it has native parts, prebuilt for x64, arm64 and arm. */
const BESIDE = 'level'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown> & {
  dependencies: Record<string, string>
}
const { name, version, description, license, type, bin, engines } = manifest
const packed = {
  name,
  version,
  description,
  license,
  type,
  bin,
  engines,
  dependencies: { [BESIDE]: manifest.dependencies[BESIDE] },
}

const stage = mkdtempSync(join(tmpdir(), 'pimesh-pack-'))
try {
  for (const part of ['bin', 'dist', 'config', 'docs', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    cpSync(join(root, part), join(stage, part), { recursive: true })
  }
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(packed, undefined, 2)}\n`)
  const file = execFileSync('npm', ['pack', '--silent', stage, '--pack-destination', root], { encoding: 'utf8' }).trim()
  process.stdout.write(`${file}\n`)
} finally {
  rmSync(stage, { recursive: true, force: true })
}
