// What a client reads and takes at all: types, forms, keys, signatures and thresholds, and the bytes that it keeps.
import { expect } from 'vitest'
import { canonicalBytes, type Json, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned, keyIdOf, sha256Hex } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { announcementOf, delegationOf, keyOf, targetsOf } from '../fixtures/documents.ts'
import { type Cases, Client, refuses, rootBytes, rootSigned } from './client.ts'

const FIRST = rootBytes({})
const ABC = ['a', 'b', 'c']

type Frame = { signed: JsonObject; signatures: { keyid: string; sig: string }[] }

/** The document with another list of signatures. */
function withSignatures(
  bytes: Uint8Array,
  change: (signatures: Frame['signatures']) => Frame['signatures'],
): Uint8Array {
  const { signed, signatures } = jsonOf(bytes) as Frame
  return canonicalBytes({ signed, signatures: change(signatures) })
}

/** A client with targets under which three keys of `acme` must sign. */
function strict(threshold = 3): Client {
  const client = new Client(FIRST)
  client.offerTargets(targetsOf({ roles: [delegationOf({ by: ABC, threshold })], keys: ABC }).raw)
  return client
}

/** A root whose one root key is described in another way. */
function keyed(describe: (key: JsonObject) => JsonObject): Uint8Array {
  const signed = rootSigned({ version: 2 })
  const [keys, roles] = [signed.keys as JsonObject, signed.roles as Record<string, JsonObject>]
  const before = keyOf('root').keyId
  const key = describe(keys[before] as JsonObject)
  const after = sha256Hex(canonicalBytes(key))
  delete keys[before]
  keys[after] = key
  ;(roles.root as JsonObject).keyids = [after]
  return encodeSigned(
    signed,
    [keyOf('root'), { keyId: after, sign: keyOf('root').sign }].slice(after === before ? 1 : 0),
  )
}

/** Keys of this type may sign for nobody. */
const foreign = (keytype: string, scheme: string, pub: string) => () => {
  const client = new Client(FIRST)
  const root = keyed(() => ({ keytype, scheme, keyval: { public: pub } }))
  expect(refuses(() => client.offerRoots(root))).toBe(true)
  expect(client.root).toBe(1)
}

const PEM = '-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\\n-----END PUBLIC KEY-----'.replaceAll(
  '\\n',
  ' ',
)

export const documents: Cases = {
  async test_basic_refresh_trusted_data() {
    const client = new Client(FIRST)
    client.offerRoots(rootBytes({ version: 2 }))
    expect(client.offerTargets(targetsOf({ version: 3 }).raw)).toBe('accepted')
    expect(client.offer(announcementOf({ version: 4 }))).toBe('accepted')
    const state = () => [client.root, client.targets, client.version()]
    expect(state()).toEqual([2, 3, 4])
    await client.restart()
    expect(state()).toEqual([2, 3, 4])
  },

  test_invalid_initial_root() {
    const { signed, signatures } = jsonOf(FIRST) as Frame
    delete signed.version
    expect(refuses(() => new Client(canonicalBytes({ signed, signatures })))).toBe(true)
  },

  test_unsigned_initial_root() {
    const unsigned = withSignatures(FIRST, ([only]) => [{ ...only!, sig: 'ab'.repeat(64) }])
    expect(refuses(() => new Client(unsigned))).toBe(true)
    expect(refuses(() => new Client(rootBytes({}, [])))).toBe(true)
    expect(new Client(FIRST).root).toBe(1)
  },

  'test_unsigned_metadata[root]'() {
    const client = new Client(FIRST)
    expect(client.offerRoots(rootBytes({ version: 2 }, []))).toBeDefined()
    expect(client.root).toBe(1)
  },

  'test_unsigned_metadata[targets]'() {
    const client = new Client(FIRST)
    client.offerRoots(rootBytes({ version: 2 }))
    expect(client.offerTargets(targetsOf({ by: [] }).raw)).toBe('badSignature')
    expect([client.root, client.targets]).toEqual([2, 0])
    client.offerTargets(targetsOf().raw)
    expect(client.offer(announcementOf({ by: [] }))).toBe('badSignature')
    expect([client.targets, client.version()]).toEqual([1, 0])
  },

  async test_metadata_bytes_match() {
    const client = strict(2)
    const reversed = withSignatures(announcementOf({ by: ABC }).raw, (signatures) => signatures.reverse())
    expect(reversed).not.toEqual(announcementOf({ by: ABC }).raw)
    client.offer(reversed)
    expect(client.stored('announcement/held/acme')).toEqual(reversed)
    await client.restart()
    expect(client.world.announcing.current()[0]?.document.raw).toEqual(reversed)
  },

  test_custom_fields() {
    const client = new Client(FIRST)
    const custom: JsonObject = { ...rootSigned({ version: 2 }), 'custom-field': 'value' }
    const bytes = encodeSigned(custom, [keyOf('root')])
    expect(client.offerRoots(bytes)).toBeUndefined()
    expect([
      client.root,
      (jsonOf(client.stored('root/0000000002') as Uint8Array) as Frame).signed['custom-field'],
    ]).toEqual([2, 'value'])
    // Where nobody may add anything: a key, a role, the frame.
    expect(refuses(() => client.offerRoots(keyed((key) => ({ ...key, 'extra-field': { a: 1 } }))))).toBe(true)
    const { signed, signatures } = jsonOf(rootBytes({ version: 3 })) as Frame
    expect(refuses(() => client.offerRoots(canonicalBytes({ signed, signatures, more: 1 })))).toBe(true)
    Object.assign((signed.roles as Record<string, JsonObject>).root as JsonObject, { 'another-field': 'value' })
    expect(refuses(() => client.offerRoots(encodeSigned(signed, [keyOf('root')])))).toBe(true)
    expect(client.root).toBe(2)
  },

  test_deprecated_keyid_hash_algorithms() {
    const client = new Client(FIRST)
    expect(refuses(() => client.offerRoots(keyed((key) => ({ ...key, keyid_hash_algorithms: 'md5' }))))).toBe(true)
    expect(client.offerRoots(keyed((key) => key))).toBeUndefined()
    expect(client.root).toBe(2)
  },

  test_incorrect_metadata_type() {
    // One key holds every role, so that nothing but the type is wrong.
    const client = new Client(rootBytes({ targets: { keys: ['root'], threshold: 1 } }))
    const targets = targetsOf({ by: ['root'], roles: [delegationOf({ by: ['root'] })], keys: ['root'] }).raw
    const announcement = announcementOf({ by: ['root'] }).raw
    const root = rootBytes({ version: 2, targets: { keys: ['root'], threshold: 1 } })
    for (const bytes of [announcement, root]) expect(refuses(() => client.offerTargets(bytes))).toBe(true)
    for (const bytes of [announcement, targets]) expect(refuses(() => client.offerRoots(bytes))).toBe(true)
    expect(client.offerTargets(targets)).toBe('accepted')
    for (const bytes of [targets, root]) expect(refuses(() => client.offer(bytes))).toBe(true)
    expect([client.root, client.targets, client.version()]).toEqual([1, 1, 0])
  },

  test_snapshot_does_not_meet_threshold() {
    const client = strict()
    expect(client.offer(announcementOf({ version: 1, by: ABC }))).toBe('accepted')
    expect(client.offer(announcementOf({ version: 2, by: ['a', 'c'] }))).toBe('badSignature')
    expect(client.version()).toBe(1)
  },

  test_snapshot_has_too_few_keys() {
    const role = (threshold: number) => delegationOf({ by: [...ABC, 'd', 'e'], threshold })
    const keys = [...ABC, 'd', 'e']
    expect(refuses(() => targetsOf({ roles: [role(6)], keys }))).toBe(true)
    expect(refuses(() => targetsOf({ roles: [role(5)], keys }))).toBe(false)
    const root = { keys: ABC, threshold: 4 }
    expect(refuses(() => new Client(rootBytes({ root })))).toBe(true)
  },

  test_duplicate_keys() {
    const client = strict()
    const one = announcementOf({ by: ['a'] }).raw
    // One signature again and again, also under the ids of the other keys.
    expect(refuses(() => client.offer(withSignatures(one, ([only]) => [only!, only!, only!])))).toBe(true)
    const renamed = ABC.map((name) => keyOf(name).keyId)
    expect(client.offer(withSignatures(one, ([only]) => renamed.map((keyid) => ({ ...only!, keyid }))))).toBe(
      'badSignature',
    )
    // One key again and again in a role, or under another id in the document.
    expect(refuses(() => targetsOf({ roles: [delegationOf({ by: ['a', 'a'], threshold: 2 })], keys: ['a'] }))).toBe(
      true,
    )
    const signed = targetsJson(targetsOf({ keys: ['a'], roles: [delegationOf({ by: ['a'] })] }).signed)
    const { keys } = signed.delegations as { keys: JsonObject }
    keys['ab'.repeat(32)] = keys[keyOf('a').keyId] as Json
    expect(refuses(() => client.offerTargets(encodeSigned(signed, [keyOf('targets')])))).toBe(true)
    expect(client.version()).toBe(0)
  },

  test_duplicate_sig_keyids() {
    const client = strict(1)
    const twice = withSignatures(announcementOf({ by: ['a'] }).raw, ([only]) => [only!, only!])
    expect(refuses(() => client.offer(twice))).toBe(true)
    expect(client.version()).toBe(0)
  },

  'test_keytype_and_scheme[ed25519/ed25519]'() {
    const client = new Client(FIRST)
    const root = { keys: ['root', 'second'], threshold: 2 }
    expect(client.offerRoots(rootBytes({ version: 2, root }))).toBeUndefined()
    const wrong = withSignatures(rootBytes({ version: 3, root }), (signatures) =>
      signatures.map((one) =>
        one.keyid === keyIdOf(keyOf('second').publicKey) ? { ...one, sig: '5a'.repeat(64) } : one,
      ),
    )
    expect(client.offerRoots(wrong)).toBeDefined()
    expect(client.root).toBe(2)
  },
  'test_keytype_and_scheme[rsa/rsassa-pss-sha256]': foreign('rsa', 'rsassa-pss-sha256', PEM),
  'test_keytype_and_scheme[ecdsa/ecdsa-sha2-nistp256]': foreign('ecdsa', 'ecdsa-sha2-nistp256', PEM),

  test_invalid_sig_in_valid_metadata() {
    const client = strict(1)
    const spoil = (sig: string) =>
      withSignatures(announcementOf({ by: ['a', 'b'] }).raw, ([first, second]) => [{ ...first!, sig }, second!])
    expect(refuses(() => client.offer(spoil('')))).toBe(true)
    expect(client.offer(spoil('5a'.repeat(64)))).toBe('accepted')
    expect(client.version()).toBe(1)
  },
}
