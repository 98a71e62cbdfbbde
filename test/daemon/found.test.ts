// What a daemon finds on its disks at start that its state does not say.
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openArtifacts } from '../../src/artifact/store.ts'
import { emptyBits } from '../../src/core/swarm/bitfield.ts'
import { foundArtifacts, foundInstalls, knownEncodings } from '../../src/daemon/found.ts'
import { fileInstaller } from '../../src/install/file.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { readState } from '../../src/wire/state.ts'
import { someBytes } from '../contracts/artifacts.ts'
import { jobFor } from '../contracts/installer.ts'
import { Alone } from '../core/swarm/alone.ts'
import { announcementOf, identityOf, NO_PUBLISHERS, releaseOf } from '../fixtures/documents.ts'

let base: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'pimesh-found-'))
})
afterEach(() => rm(base, { recursive: true, force: true }))

const signal = new AbortController().signal

describe('what was handed in just before power went', () => {
  const bytes = someBytes(600_000)
  const [whole, partial] = [identityOf(bytes), identityOf(someBytes(600_000, 2))]
  const release = ({ encoding }: typeof whole) => {
    const { sha256: hash, length } = encoding
    return releaseOf({ artifact: { hash, length }, encodings: [encoding] })
  }
  const announcement = announcementOf({ releases: { 'acme/agent': release(whole), 'acme/other': release(partial) } })
  const publishers = { ...NO_PUBLISHERS.publishers, announcements: [{ side: 'held' as const, announcement }] }
  const nothing = { holdings: [], pieceLists: [] }

  it('is looked at and served, when the announcement was written and its file is whole', async () => {
    const artifacts = await openArtifacts({ folder: join(base, 'artifacts') })
    await artifacts.import(
      whole.encoding,
      (async function* () {
        yield bytes
      })(),
      { signal },
    )
    await artifacts.prepare(partial.encoding, partial.list, { decoded: 0, signal })
    const store = await openLevelStore(join(base, 'db'))
    const state = { ...(await readState(store)), publishers, artifacts: nothing }
    const names = await artifacts.sweep(knownEncodings(state))
    expect(new Set(names)).toEqual(new Set([whole.encoding.hash, partial.encoding.hash]))
    const found = await foundArtifacts(state, names, { artifacts, store })
    const list = { hash: whole.encoding.pieceList, list: whole.list }
    expect(found).toEqual({ holdings: [{ encoding: whole.encoding.hash, bits: emptyBits(3) }], pieceLists: [list] })
    expect((await readState(store)).artifacts.pieceLists, 'the next start does not read it again').toEqual([list])

    const alone = new Alone(found)
    alone.step((swarm) => swarm.keep(new Map([[whole.encoding.hash, whole.encoding]]), 0))
    expect(alone.of('artifactPrepare')).toMatchObject([{ encoding: { hash: whole.encoding.hash } }])
    await artifacts.close()
    await store.close()
  })

  it('is not read again when it was noted, nor when there is no file', async () => {
    const read: string[] = []
    const artifacts = { pieceList: async ({ hash }: { hash: string }) => void read.push(hash) }
    const store = { write: () => Promise.reject(new Error('not asked')) }
    const pieceLists = [{ hash: whole.encoding.pieceList, list: whole.list }]
    const saved = { holdings: [{ encoding: whole.encoding.hash, bits: emptyBits(3) }], pieceLists }
    expect(await foundArtifacts({ publishers, artifacts: saved }, [whole.encoding.hash], { artifacts, store })).toEqual(
      saved,
    )
    expect(read).toEqual([])
  })

  it('does not keep a daemon from starting when a disk fails', async () => {
    const artifacts = { pieceList: () => Promise.reject(new Error('EIO')) }
    const store = { write: () => Promise.reject(new Error('ENOSPC')) }
    const find = (list: () => Promise<Uint8Array>) =>
      foundArtifacts({ publishers, artifacts: nothing }, [whole.encoding.hash], {
        artifacts: { pieceList: list },
        store,
      })
    expect(await find(artifacts.pieceList)).toEqual(nothing)
    expect((await find(async () => whole.list)).pieceLists).toHaveLength(1)
  })
})

describe('what is in use', () => {
  const { job, encoding } = jobFor(new Uint8Array(Buffer.from('#!/bin/sh')), 7)
  const { release, counter, version, path } = job
  const installed = { release, counter, version, artifact: job.artifact.hash, role: 'acme', epoch: 1 }
  const entry = { path, installed, underway: undefined, failed: [] }
  const installer = () => fileInstaller({ root: join(base, 'installed') })
  const link = () => join(base, 'installed', path, 'current')
  async function install(): Promise<void> {
    await writeFile(join(base, 'encoded'), encoding)
    await installer().stage(job, { encoded: join(base, 'encoded'), signal })
    await installer().switch(job)
  }

  it('is what the journal calls installed, and stays so', async () => {
    await install()
    const absent = { ...entry, path: 'acme/other', installed: undefined }
    expect(await foundInstalls([entry, absent], installer())).toEqual({ installs: [entry, absent], notes: [] })
  })

  it('is nothing, or something else: it is installed again, and a person is told', async () => {
    const again = [{ ...entry, installed: undefined }]
    expect(await foundInstalls([entry], installer())).toEqual({
      installs: again,
      notes: [`${path} 7.0 was installed, and nothing is in use there: it is installed again`],
    })
    await install()
    const other = { ...entry, installed: { ...installed, release: 'ab'.repeat(32) } }
    const { installs, notes } = await foundInstalls([other], installer())
    expect(installs).toEqual(again)
    expect(notes).toEqual([`${path} 7.0 was installed, and something else is in use there: it is installed again`])
  })

  it('is not known when the disk does not tell, or while a journal is just changing it', async () => {
    const underway = {
      ...installed,
      release: 'ab'.repeat(32),
      length: 9,
      encoding: job.encoding,
      installer: job.installer,
    }
    for (const state of ['staged', 'switched', 'healthy'] as const) {
      const changing = { ...entry, underway: { ...underway, state } }
      expect(await foundInstalls([changing], installer())).toEqual({ installs: [changing], notes: [] })
    }
    const fetching = { ...entry, underway: { ...underway, state: 'fetching' as const } }
    expect((await foundInstalls([fetching], installer())).installs).toEqual([{ ...fetching, installed: undefined }])
    await install()
    await rm(link())
    await writeFile(link(), 'no link')
    expect(await foundInstalls([entry], installer())).toEqual({ installs: [entry], notes: [] })
    await rm(link())
    await symlink('elsewhere', link())
    expect((await foundInstalls([entry], installer())).notes).toHaveLength(1)
  })
})
