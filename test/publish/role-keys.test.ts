// Keys as people name them: by their text, by a file, by the name of a file in the mesh's folder, by the beginning of their id.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import type { FailureCode } from '../../src/core/failure.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { keyNamed, keysNamed, parsePublic, readPublics } from '../../src/publish/role-keys.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'

const ADA = keyOf('ada')
const HEX = toHex(ADA.publicKey)
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pimesh-names-'))
  mkdirSync(join(dir, 'keys'))
  for (const path of ['keys/ada.key', 'stick.key']) writeKeyFile(join(dir, path), seedOf('ada'))
  writeFileSync(join(dir, 'note'), 'no key')
})
afterAll(() => rmSync(dir, { recursive: true }))

const failure = (code: FailureCode, text: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(text) })

it('a public key is read from its text and from files, also locked ones', () => {
  writeKeyFile(join(dir, 'locked.key'), seedOf('ada'), {
    passphrase: 'four random words',
    cost: { n: 1_024, r: 8, p: 1 },
  })
  for (const text of [`ed25519:${HEX}`, HEX, 'ada', 'ada.key', join(dir, 'stick.key'), join(dir, 'locked.key')])
    expect(readPublics(dir, [text])).toEqual([{ keyId: ADA.keyId, publicKey: ADA.publicKey }])
})

it.each(['ed25519:', `ed25519:${HEX.slice(1)}`, `ed25519:${HEX.toUpperCase()}`, `ed25519:${HEX} `, `x${HEX}`])(
  '"%s" is no public key',
  (text) => {
    expect(() => parsePublic(text)).toThrow(failure('E_USAGE', '^a public key is "ed25519:" and 64 hex digits'))
  },
)

it('what names no key is refused', () => {
  expect(() => readPublics(dir, ['nobody'])).toThrow(failure('E_KEY', 'cannot be read'))
  expect(() => readPublics(dir, [join(dir, 'note')])).toThrow(failure('E_KEY', ''))
  expect(() => readPublics(dir, ['ada', `ed25519:${HEX}`])).toThrow(failure('E_USAGE', 'is given twice'))
})

it('a key of several is named by the beginning of its id, its text or its file', () => {
  const [first, second] = [`${ADA.keyId.slice(0, 8)}${'0'.repeat(56)}`, keyOf('bob').keyId]
  const all = [ADA.keyId, first, second]
  expect(keysNamed(dir, ADA.keyId.slice(0, 9), all)).toEqual([ADA.keyId])
  expect(keysNamed(dir, ADA.keyId.slice(0, 8), all)).toEqual([ADA.keyId, first])
  for (const text of [`ed25519:${HEX}`, HEX, 'ada', join(dir, 'stick.key')])
    expect(keysNamed(dir, text, all)).toEqual([ADA.keyId])
  // Too short a beginning, and the name of no file, are no key.
  for (const text of [ADA.keyId.slice(0, 7), 'acme', join(dir, 'keys')]) expect(keysNamed(dir, text, all)).toEqual([])
  const role = { name: 'the role "acme"', keyIds: all }
  expect(() => keyNamed(dir, ADA.keyId.slice(0, 8), role)).toThrow(failure('E_KEY', 'fits 2 keys of the role "acme"'))
  expect(() => keyNamed(dir, 'acme', role)).toThrow(
    failure('E_KEY', '"acme" is not one of the keys of the role "acme": they are'),
  )
})
