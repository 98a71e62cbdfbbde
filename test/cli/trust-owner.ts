// The owner of a mesh with a folder, key files of others and a peer that takes what is signed: for tests of commands that change root and
// targets. What is refused has to leave folder and peer as they were.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { meshTargets } from '../../src/publish/delegations.ts'
import { initMesh, openMesh } from '../../src/publish/mesh.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { publishersJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { type LineOptions, line } from './line.ts'

export const [ADA, BOB] = ['ada', 'bob'].map(keyOf) as [ReturnType<typeof keyOf>, ReturnType<typeof keyOf>]
export const short = ({ keyId }: { keyId: string }) => keyId.slice(0, 16)
export const text = ({ publicKey }: { publicKey: Uint8Array }) => `ed25519:${toHex(publicKey)}`
export const PASSPHRASE = 'four random words here'

/** A mesh folder of the publisher acme, key files of others, and a peer that takes what is signed. */
export async function owner({ peer = true, passphrase }: { peer?: boolean; passphrase?: string } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const [data, dir] = [join(home, 'data'), join(home, 'mesh')]
  mkdirSync(data)
  const made = initMesh({ dir, name: 'acme', passphrase }, Date.now())
  for (const name of ['ada', 'bob', 'cyd']) writeKeyFile(join(home, `${name}.key`), seedOf(name))
  const backend = new TestBackend()
  backend.held = publishersJson({ mesh: made.id })
  backend.heldRoot = Buffer.from(made.root.raw).toString()
  // The peer knows what it took.
  backend.onDelegate = async () => {
    backend.held = { ...backend.held, targets: backend.delegated.at(-1) ?? null }
  }
  if (peer) {
    const server = await createApiServer(backend, apiSocket(data))
    onTestFinished(() => server.close())
  }
  const at = (...names: string[]) => join(home, ...names)
  const places = ['--mesh', dir, '--data', data]
  const ask = (words: string[], options?: LineOptions) => line(['trust', ...words, ...places], options)
  const run = (...words: string[]) => ask([...words, ...(words[0] === 'submit' ? [] : ['--yes'])])
  const sign = (out: string, key: string) => line(['sign', at(out), '--key', key, '--yes'])
  const keyOfRole = (role: 'root' | 'targets' | 'enrol') => join(dir, 'keys', `${role}.key`)
  /** All that could have changed. */
  const state = () => [hashOf(dir), [...backend.rooted, ...backend.delegated, ...backend.stated]]
  /** One sentence, this code, and nothing has changed. */
  const refused = async (words: string[], code: string, sentence: RegExp) => {
    const before = state()
    const { status, out, err } = await run(...words)
    expect(err).toMatch(sentence)
    expect([out, err.trimEnd().split('\n').length, err.includes(`[${code}]`)]).toEqual(['', 1, true])
    expect([1, 2]).toContain(status)
    expect(state()).toEqual(before)
  }
  const mesh = () => openMesh(dir)
  return {
    home,
    data,
    dir,
    backend,
    at,
    ask,
    run,
    sign,
    keyOfRole,
    state,
    refused,
    mesh,
    targets: () => meshTargets(mesh()),
  }
}

/** A person at a terminal, who answers each question when it comes. */
export function answering(...answers: string[]): LineOptions {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const written = (text: string) => {
    if (text.includes('? Type yes')) setImmediate(() => stdin.write(`${answers.shift()}\n`))
  }
  return { stdin: stdin as unknown as NodeJS.ReadStream, columns: 120, written }
}

/** Of every file below a folder, by name and content; a turn leaves its empty folder. */
export function hashOf(dir: string): string {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const hash = createHash('sha256')
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path).update(readFileSync(path))
  return hash.digest('hex')
}
