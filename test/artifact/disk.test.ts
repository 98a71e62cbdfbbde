// T31: the store on a disk that fills up in mid-download, or cannot be written: it says what is missing, and goes on when it can.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { encodingOf, someBytes } from '../contracts/artifacts.ts'
import { namespaces, onDisk, readOnly, run } from '../install/processes.ts'

const script = join(import.meta.dirname, 'disk.ts')
const PIECE = 262_144

// Permissions do not hold root back, and no disk of a test machine is full: both need a mount namespace of their own.
describe.skipIf(!namespaces)('T31 the artifact store', () => {
  let base: string
  const { hash } = encodingOf(someBytes(8 * PIECE), PIECE).encoding
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'pimesh-disk-'))
  })
  afterEach(() => rm(base, { recursive: true, force: true }))

  async function told(scenario: string, by: readonly string[]): Promise<Map<string, Record<string, unknown>>> {
    const { status, out } = await run(script, [scenario, base], by)
    expect(status, out).toBe(0)
    const lines = out.trimEnd().split('\n')
    return new Map(lines.map((line) => JSON.parse(line)).map((each) => [each.name, each]))
  }

  it('says how much is missing when the disk fills up, and loses no piece', async () => {
    const steps = await told('full', onDisk(base, limits.diskReserve + 16 * PIECE))
    expect(steps.get('prepare')).toMatchObject({ value: [] })
    expect(steps.get('write what fits')).not.toHaveProperty('problem')
    // Six pieces, what unpacking needs, and the reserve; a page or two are left on the disk.
    const missing = (name: string) => (steps.get(name) as { problem: { missing: number } }).problem.missing
    const needed = 6 * PIECE + 1_000 + limits.diskReserve
    for (const name of ['write until it is full', 'prepare again']) {
      expect(steps.get(name), name).toMatchObject({
        problem: { code: 'diskFull' },
        message: expect.stringMatching(/ is full: free \d+ bytes$/),
      })
      expect(missing(name), name).toBeLessThanOrEqual(needed)
      expect(missing(name), name).toBeGreaterThan(needed - 10_000)
    }
    expect(steps.get('prepare with room')).toMatchObject({ value: [0, 5] })
    expect(steps.get('write with room')).not.toHaveProperty('problem')
    expect(steps.get('read')).toMatchObject({ value: true })
    expect(steps.get('import')).toMatchObject({ problem: { code: 'diskFull' } })
    expect(missing('import')).toBeGreaterThanOrEqual(2 * PIECE)
    expect(steps.get('names')).toMatchObject({ value: [hash] })
  })

  it('begins nothing that is larger than the disk, or what is left of a quota', async () => {
    const steps = await told('small', onDisk(base, limits.diskReserve + 4 * PIECE))
    expect(steps.get('prepare')).toMatchObject({
      problem: { code: 'diskFull', missing: 4 * PIECE + 1_000 },
      message: expect.stringMatching(/^the disk of \/.* is full: free \d+ bytes$/),
    })
    expect(steps.get('names')).toMatchObject({ value: [] })
  })

  it.each(['missing', 'there'])('says where it cannot write, with its folder %s', async (folder) => {
    if (folder === 'there') {
      await mkdir(join(base, 'artifacts'))
      await writeFile(join(base, 'artifacts', hash), '')
    }
    const steps = await told('readOnly', readOnly(base))
    const problem = {
      code: 'notWritable',
      detail: expect.stringMatching(/^\/.*artifacts.* cannot be written: make it writable .* \(EROFS\)$/),
    }
    const names = folder === 'there' ? ['prepare', 'import', 'forget', 'sweep'] : ['prepare', 'import']
    for (const name of names) expect(steps.get(name), name).toMatchObject({ problem })
    expect(await readdir(base)).toEqual(folder === 'there' ? ['artifacts'] : [])
  })
})
