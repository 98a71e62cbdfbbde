// A folder of collectors that tests write, and the real platform with timers in the hands of the test.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakePlatform } from '../fake-platform.ts'

export class CollectorFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'pimesh-collectors-'))

  /** A shell script that may be run. */
  script(name: string, ...lines: string[]): string {
    return this.file(name, ['#!/bin/sh', ...lines, ''].join('\n'), 0o755)
  }

  file(name: string, text: string | Uint8Array, mode = 0o644): string {
    const path = join(this.path, name)
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Programs are real, time is not. */
export class CollectorPlatform extends FakePlatform {
  override user = (): number => process.getuid?.() ?? 0
}
