// Key files, plain and under a passphrase (clause KEYFILE): what opens them, and what becomes of every change to one.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { newSecret, publicKeyOf, verify } from '../../src/keys/ed25519.ts'
import { readKeyFile, writeKeyFile } from '../../src/keys/key-file.ts'
import { seal, unseal } from '../../src/keys/sealed-secret.ts'
import { keyIdOf } from '../../src/wire/signed.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pimesh-key-file-'))
  path = join(dir, 'a.key')
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Quick to open, for tests that open hundreds. */
const cost = { n: 16, r: 8, p: 1 }
const SEED = new Uint8Array(32).fill(7)

describe('a plain key file', () => {
  it('a key file gives its key back, and only its owner reads it', () => {
    const path = join(dir, 'a.key')
    const seed = newSecret()
    writeKeyFile(path, seed)
    expect(readKeyFile(path).secret).toEqual(seed)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(dir)).toEqual(['a.key'])
  })

  it('a damaged key file is named so', () => {
    const path = join(dir, 'a.key')
    writeKeyFile(path, newSecret())
    const text = readFileSync(path, 'utf8')
    const other = text.replace(/"secret": "./, (start) => start.slice(0, -1) + (start.endsWith('0') ? '1' : '0'))
    for (const damaged of [other, text.slice(0, -20)]) {
      writeFileSync(path, damaged)
      expect(() => readKeyFile(path)).toThrow(
        expect.objectContaining({ code: 'E_STATE', message: expect.stringContaining(path) }),
      )
    }
  })

  it('what is no key file is named so, and never waited for', () => {
    const path = join(dir, 'a.key')
    const no = (other: string) =>
      expect(() => readKeyFile(other)).toThrow(
        expect.objectContaining({ code: 'E_KEY', message: expect.stringMatching(`^${other} is no key file: `) }),
      )
    writeKeyFile(path, newSecret())
    const long = readFileSync(path, 'utf8').padEnd(limits.keyFileBytes + 1)
    for (const text of ['', 'null', '{}', '[]', '-----BEGIN OPENSSH PRIVATE KEY-----\n', long]) {
      writeFileSync(path, text)
      no(path)
    }
    const pipe = join(dir, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const other of [dir, pipe, '/dev/zero']) no(other)
    writeFileSync(path, long.slice(0, limits.keyFileBytes))
    expect(readKeyFile(path).secret).toHaveLength(32)
  })

  it('that is to be new never takes the place of another', () => {
    writeKeyFile(path, SEED, { fresh: true })
    expect(() => writeKeyFile(path, newSecret(), { fresh: true })).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    expect(readKeyFile(path).secret).toEqual(SEED)
  })

  it('of the first pimesh is read as ever', () => {
    writeFileSync(path, PLAIN_SAMPLE)
    const key = readKeyFile(path)
    expect([key.encrypted, key.locked, key.secret]).toEqual([false, false, SEED])
  })
})

describe('an encrypted key file', () => {
  it('names its key while it is locked, and signs once it is unlocked', () => {
    const seed = newSecret()
    writeKeyFile(path, seed, { passphrase: 'correct horse', cost })
    const key = readKeyFile(path)
    const publicKey = publicKeyOf(seed)
    expect(key).toMatchObject({ path, publicKey, keyId: keyIdOf(publicKey), encrypted: true, locked: true })
    for (const use of [() => key.sign(seed), () => key.secret])
      expect(use).toThrow(expect.objectContaining({ code: 'E_PASSPHRASE', message: expect.stringContaining(path) }))
    key.unlock('correct horse')
    expect([key.locked, key.secret]).toEqual([false, seed])
    expect(verify(publicKey, Buffer.from('text'), key.sign(Buffer.from('text')))).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(dir)).toEqual(['a.key'])
  })

  it('holds the secret nowhere, and another salt and nonce each time', () => {
    const texts = [1, 2].map(() => {
      writeKeyFile(path, SEED, { passphrase: 'correct horse', cost })
      return readFileSync(path, 'utf8')
    })
    for (const text of texts) expect(text).not.toContain(Buffer.from(SEED).toString('hex').slice(0, 16))
    const [one, two] = texts.map((text) => JSON.parse(text))
    for (const field of [(json: typeof one) => json.kdf.salt, (json: typeof one) => json.cipher.nonce])
      expect(field(one)).not.toBe(field(two))
  })

  it('of the first version opens with its passphrase, however its letters are composed', () => {
    writeFileSync(path, ENCRYPTED_SAMPLE)
    const key = readKeyFile(path)
    key.unlock('grüne Banane'.normalize('NFD'))
    expect(key.secret).toEqual(SEED)
  })

  it('is made to take 64 MiB to open, once through', () => {
    writeKeyFile(path, SEED, { passphrase: 'correct horse' })
    const { n, r, p } = JSON.parse(readFileSync(path, 'utf8')).kdf
    expect([128 * n * r, p]).toEqual([64 * 2 ** 20, 1])
  })

  it('stays locked with any other passphrase', () => {
    writeKeyFile(path, SEED, { passphrase: 'correct horse', cost })
    const other = fc.string({ maxLength: 40 }).filter((text) => text.normalize('NFC') !== 'correct horse')
    fc.assert(
      fc.property(other, (passphrase) => {
        const key = readKeyFile(path)
        expect(() => key.unlock(passphrase)).toThrow(wrong())
        expect(key.locked).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  it('does not open with a flipped bit, wherever that is', () => {
    writeKeyFile(path, SEED, { passphrase: 'correct horse', cost })
    const bytes = readFileSync(path)
    const codes = new Set<string>()
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 7))
      writeFileSync(path, flipped)
      codes.add(failureOf(() => readKeyFile(path).unlock('correct horse')).code)
    }
    expect([...codes].sort()).toEqual(['E_KEY', 'E_PASSPHRASE', 'E_STATE'])
  })

  it.each([
    ['public', { public: Buffer.from(publicKeyOf(new Uint8Array(32).fill(8))).toString('hex') }],
    ['salt', { kdf: { name: 'scrypt', salt: '00'.repeat(16), ...cost } }],
    ['nonce', { cipher: { name: 'chacha20-poly1305', nonce: '00'.repeat(12) } }],
    ['secret', { secret: '00'.repeat(48) }],
  ])('does not open with the %s of another file', (_, some) => {
    change(some)
    expect(() => readKeyFile(path).unlock('correct horse')).toThrow(wrong())
  })

  it('opens only beside what it was sealed beside', () => {
    const sealed = seal(SEED, 'correct horse', { type: 'a', public: '00' }, cost)
    const opened = [{ type: 'a', public: '00' }, { type: 'a', public: '01' }, { type: 'b', public: '00' }, {}].map(
      (beside) => unseal(sealed, 'correct horse', beside),
    )
    expect(opened).toEqual([SEED, undefined, undefined, undefined])
  })

  it.each([
    ['memory', { n: 2 ** 18, r: 8 }],
    ['gigabytes', { n: 2 ** 30, r: 1_024 }],
    ['time', { p: limits.keyFilePasses + 1 }],
  ])('that asks for too much %s is refused before a passphrase is asked for', (_, some) => {
    change({ kdf: { name: 'scrypt', salt: '00'.repeat(16), ...cost, ...some } })
    expect(() => readKeyFile(path)).toThrow(
      expect.objectContaining({ code: 'E_STATE', message: expect.stringContaining('more memory or time') }),
    )
  })

  it.each([
    ['n is no power of two', { kdf: { name: 'scrypt', salt: '00'.repeat(16), n: 17, r: 8, p: 1 } }],
    ['n is too large for r', { kdf: { name: 'scrypt', salt: '00'.repeat(16), n: 2 ** 16, r: 1, p: 1 } }],
    ['n is 1', { kdf: { name: 'scrypt', salt: '00'.repeat(16), n: 1, r: 8, p: 1 } }],
    ['a cost is no whole number', { kdf: { name: 'scrypt', salt: '00'.repeat(16), n: 16, r: 8.5, p: 1 } }],
    ['a cost is negative', { kdf: { name: 'scrypt', salt: '00'.repeat(16), n: 16, r: -8, p: 1 } }],
    ['a cost is a text', { kdf: { name: 'scrypt', salt: '00'.repeat(16), n: '16', r: 8, p: 1 } }],
    ['another function makes the key', { kdf: { name: 'argon2id', salt: '00'.repeat(16), ...cost } }],
    ['another cipher', { cipher: { name: 'aes-256-ecb', nonce: '00'.repeat(12) } }],
    ['the salt is short', { kdf: { name: 'scrypt', salt: '', ...cost } }],
    ['the nonce is long', { cipher: { name: 'chacha20-poly1305', nonce: '00'.repeat(13) } }],
    ['the secret is cut off', { secret: '00'.repeat(47) }],
    ['the public key is missing', { public: null }],
    ['kdf is null', { kdf: null }],
    ['the cipher is a list', { cipher: [] }],
  ])('is damaged when %s', (_, some) => {
    change(some)
    expect(() => readKeyFile(path)).toThrow(expect.objectContaining({ code: 'E_STATE' }))
  })
})

it('others who may read the file are noticed', () => {
  writeKeyFile(path, SEED)
  const exposed = [0o600, 0o400, 0o640, 0o604, 0o644].map((mode) => {
    chmodSync(path, mode)
    return readKeyFile(path).exposed
  })
  expect(exposed).toEqual([false, false, true, true, true])
})

/** A file that `correct horse` opens, with some of its fields replaced. */
function change(some: Record<string, unknown>): void {
  writeKeyFile(path, SEED, { passphrase: 'correct horse', cost })
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...some }))
}

const wrong = () =>
  expect.objectContaining({
    code: 'E_PASSPHRASE',
    message: `this is not the passphrase of ${path}, or the file is damaged`,
  })

function failureOf(run: () => unknown): Failure {
  try {
    run()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const PLAIN_SAMPLE = `{
  "type": "pimesh-ed25519",
  "public": "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
  "secret": "0707070707070707070707070707070707070707070707070707070707070707"
}
`
const ENCRYPTED_SAMPLE = `{
  "type": "pimesh-ed25519-encrypted",
  "public": "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
  "kdf": {
    "name": "scrypt",
    "salt": "ebb3c5315368b76e6cc2e9a54444f021",
    "n": 65536,
    "r": 8,
    "p": 1
  },
  "cipher": {
    "name": "chacha20-poly1305",
    "nonce": "4ab1a60d82e00eb9fe68461b"
  },
  "secret": "6a9cb7fc20ffc2f89733759689c69d1262b6ec69150cf41c903055312f2b921973d49dbcf68c9c4b541a96ed8a76f623"
}
`
