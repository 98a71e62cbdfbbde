// The real platform: programs without a shell and within their limits, timers that keep no process alive.
import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { realPlatform } from '../../src/probe/platform.ts'
import { Machine } from './fake-platform.ts'

let machine: Machine
beforeEach(() => {
  machine = new Machine()
})
afterEach(() => machine.dispose())

function program(script: string): string {
  machine.write('program', `#!/bin/sh\n${script}\n`)
  const path = join(machine.root, 'program')
  chmodSync(path, 0o755)
  return path
}

const never = () => new AbortController().signal

test('a program gets its arguments as they are, and its output comes back', async () => {
  expect(await realPlatform.run(program('echo "$1|$LC_ALL"'), ['$(id); x'], never())).toBe('$(id); x|C\n')
})

test('a program that fails, is missing or prints without end is a rejection', async () => {
  await expect(realPlatform.run(program('exit 3'), [], never())).rejects.toThrow()
  await expect(realPlatform.run(join(machine.root, 'none'), [], never())).rejects.toThrow()
  await expect(realPlatform.run(program('exec cat /dev/zero'), [], never())).rejects.toThrow()
})

test('the signal ends a program', async () => {
  const closing = new AbortController()
  const ended = realPlatform.run(program('exec sleep 600'), [], closing.signal)
  closing.abort()
  await expect(ended).rejects.toThrow()
})

test('an open probe does not keep its process alive', async () => {
  const script = `
    import { openProbe } from ${JSON.stringify(join(import.meta.dirname, '../../src/probe/probe.ts'))}
    await openProbe({ dataFolder: ${JSON.stringify(tmpdir())} })
    console.log('open')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  expect(stdout).toBe('open\n')
})
