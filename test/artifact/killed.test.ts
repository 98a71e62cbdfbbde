// T30: SIGKILL at every step of a download and of an import. What the store says it has afterwards is right, and is all that it had.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openArtifacts } from '../../src/artifact/store.ts'
import { encodingOf, piecesIn, someBytes } from '../contracts/artifacts.ts'
import { bundled, countUntil, run } from '../install/processes.ts'

const options = { decoded: 0, signal: new AbortController().signal }

let base: string
let child: string
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'pimesh-killed-'))
  child = await bundled(join(import.meta.dirname, 'child.ts'), base)
})
afterAll(() => rm(base, { recursive: true, force: true }))

it('T30 a store that is killed at each step has every piece that it had, and no wrong one', async () => {
  const bytes = someBytes(5_000)
  const { encoding, pieceList } = encodingOf(bytes)
  const imported = encodingOf(someBytes(3_000, 2))
  const forgotten = encodingOf(someBytes(2_000, 3)).encoding.hash
  const reported = new Set<string>()
  const points = await countUntil(async (nth) => {
    const folder = join(base, `${nth}`, 'artifacts')
    const first = await openArtifacts({ folder })
    await first.prepare(encodingOf(someBytes(2_000, 3)).encoding, encodingOf(someBytes(2_000, 3)).pieceList, options)
    await first.close()
    // As an earlier import may have left it.
    await writeFile(join(folder, `${imported.encoding.hash}.new`), 'half')
    const ending = await run(child, [folder, `${nth}`])
    const done = ending.out.split('\n')

    const artifacts = await openArtifacts({ folder })
    const names = await readdir(folder)
    expect(names.includes(forgotten)).toBe(!done.includes('forgotten') && names.includes(forgotten))
    const isImported = names.includes(imported.encoding.hash)
    if (done.includes('imported')) expect(isImported).toBe(true)
    if (isImported)
      expect(piecesIn(await artifacts.prepare(imported.encoding, imported.pieceList, options))).toEqual([0, 1, 2])
    const have = piecesIn(await artifacts.prepare(encoding, pieceList, options))
    reported.add(have.join())
    expect([3, 0, 4, 1]).toEqual(expect.arrayContaining(have))
    expect(have).toEqual(expect.arrayContaining(done.filter((line) => /^\d$/.test(line)).map(Number)))
    for (const index of have)
      expect(await artifacts.read(encoding.hash, index)).toEqual(bytes.slice(index * 1_024, (index + 1) * 1_024))
    await artifacts.sweep(new Set([encoding.hash, ...(isImported ? [imported.encoding.hash] : [])]))
    expect((await readdir(folder)).sort()).toEqual(
      [encoding.hash, ...(isImported ? [imported.encoding.hash] : [])].sort(),
    )
    for (const index of [0, 1, 2, 3, 4])
      await artifacts.write(encoding.hash, index, bytes.slice(index * 1_024, (index + 1) * 1_024))
    await artifacts.close()
    if (ending.signal === null) expect(ending).toMatchObject({ status: 0 })
    return ending.signal === null
  })
  expect(points).toBeGreaterThan(20)
  expect(reported).toEqual(new Set(['', '3', '0,3', '0,3,4', '0,1,3,4']))
})
