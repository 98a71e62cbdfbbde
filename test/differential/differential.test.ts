// Roots and targets, valid and nearly valid, get the same verdict from our parsers and from @tufjs/models, except for listed classes; for
// each class a test shows both verdicts on a document that is good but for that. A thousand documents here, ten thousand in
// `npm run differential`.
import { describe, expect, it } from 'vitest'
import type { Delegation } from '../../src/core/trust/documents.ts'
import type { Json, JsonObject } from '../../src/wire/canonical.ts'
import { sha256Hex } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { delegationOf, keyOf, NOW } from '../fixtures/documents.ts'
import { Prng } from '../sim/prng.ts'
import { classesOf, stricter, wider } from './classes.ts'
import { bytesOf, generator } from './generate.ts'
import { type Kind, ourVerdict, ROOT_KEYS, rootSigned, theirVerdict } from './oracle.ts'

/** For each kind, in ms: 5,000 take 6 s on an idle core, many times that beside other tests. */
const PATIENCE = 240_000
/** So many of each kind. */
const DOCUMENTS = Number(process.env.DIFFERENTIAL ?? 500)
const PLAIN = { reads: true, isSigned: true }

const jsonOf = (bytes: Uint8Array): Json => JSON.parse(Buffer.from(bytes).toString())

function compared(kind: Kind): { counts: Record<string, number>; unexplained: string[] } {
  const next = generator(new Prng(1), kind)
  const counts: Record<string, number> = {}
  const unexplained: string[] = []
  for (let i = 0; i < DOCUMENTS; i++) {
    const bytes = bytesOf(next())
    const [ours, theirs] = [ourVerdict(kind, bytes), theirVerdict(kind, bytes)]
    const word = ({ reads, isSigned }: typeof ours) => (reads ? (isSigned ? 'signed' : 'unsigned') : 'refused')
    const both = `${word(ours)}, ${word(theirs)}`
    counts[both] = (counts[both] ?? 0) + 1
    if (ours.reads === theirs.reads && ours.isSigned === theirs.isSigned) continue
    const classes = ours.reads === theirs.reads ? [] : classesOf(ours.reads ? wider : stricter, jsonOf(bytes), kind)
    if (classes.length === 0) unexplained.push(`${both}: ${Buffer.from(bytes).toString()}`)
  }
  return { counts, unexplained }
}

it.each(['root', 'targets'] as const)(
  `the same verdict on ${DOCUMENTS} documents: %s`,
  { timeout: PATIENCE },
  (kind) => {
    const { counts, unexplained } = compared(kind)
    console.info(`${kind}, ours and theirs: ${JSON.stringify(counts)}`)
    expect(unexplained).toEqual([])
    for (const both of ['signed, signed', 'unsigned, unsigned', 'refused, refused'])
      expect(counts[both]).toBeGreaterThan(0.16 * DOCUMENTS)
  },
)

// A good document of each kind, and what is changed in it -------------------------------------------------------------

const root = () => rootSigned({ version: 2, root: [...ROOT_KEYS], threshold: 2 })
const names = ['p1', 'p2']
const publishers = new Map(names.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
const role: Delegation = delegationOf({ by: names, threshold: 2 })
const targets = () => targetsJson({ version: 2, expires: NOW, keys: publishers, roles: [role] })

const sign = { root: ['r1', 'r2'], targets: ['t1', 't2'] }
/** Signs also what canonical JSON cannot hold. */
function signed(kind: Kind, document: JsonObject, by: readonly string[] = sign[kind]): Uint8Array {
  const bytes = bytesOf(document)
  const signatures = by
    .map(keyOf)
    .map(({ keyId, sign }) => ({ keyid: keyId, sig: Buffer.from(sign(bytes)).toString('hex') }))
  return bytesOf({ signed: document, signatures })
}

const inside = (document: JsonObject, ...path: string[]) =>
  path.reduce<JsonObject>((object, key) => object[key] as JsonObject, document)
const firstRole = (document: JsonObject) => (inside(document, 'delegations').roles as JsonObject[])[0] as JsonObject
const r1 = keyOf('r1').keyId

/** The root key r1 is described in another way, under the id that follows from that. */
function describedAs(document: JsonObject, key: JsonObject): void {
  delete inside(document, 'keys')[r1]
  const id = sha256Hex(bytesOf(key))
  inside(document, 'keys')[id] = key
  const ids = inside(document, 'roles', 'root').keyids as string[]
  ids[ids.indexOf(r1)] = id
}

interface Example {
  kind: Kind
  change: (document: JsonObject) => void
  by?: string[]
}

const ofRoot = (change: Example['change'], by?: string[]): Example => ({ kind: 'root', change, ...(by && { by }) })
const ofTargets = (change: Example['change']): Example => ({ kind: 'targets', change })
const set = (key: string, value: Json) => (document: JsonObject) => void Object.assign(document, { [key]: value })

const examples: Record<string, Example> = {
  'a date that is none': ofTargets(set('expires', 'not a date')),
  'a version that is none': ofTargets(set('version', -3)),
  'one key under two ids': ofRoot(
    (document) => {
      inside(document, 'keys')['ab'.repeat(32)] = inside(document, 'keys')[r1] as Json
      inside(document, 'roles', 'root').keyids = [r1, 'ab'.repeat(32)]
    },
    ['r1', 'r1 again'],
  ),
  'a keyid that is not the hash of its key': ofRoot((document) => {
    inside(document, 'keys')['cd'.repeat(32)] = inside(document, 'keys')[keyOf('enrol').keyId] as Json
    delete inside(document, 'keys')[keyOf('enrol').keyId]
    for (const name of ['enrol', 'snapshot', 'timestamp']) inside(document, 'roles', name).keyids = ['cd'.repeat(32)]
  }),
  'a key that is not Ed25519 and nothing else': ofRoot(
    (document) => describedAs(document, { ...inside(document, 'keys', r1), more: 'of it' }),
    ['r2', 'r3'],
  ),
  'a threshold that cannot be met': ofTargets((document) => void Object.assign(firstRole(document), { threshold: 3 })),
  'a role of keys that the document does not list': ofTargets(
    (document) => void (firstRole(document).keyids as string[]).push('ef'.repeat(32)),
  ),
  'a field that nobody knows': ofTargets((document) => void Object.assign(firstRole(document), { more: 1 })),
  'a signature that is none': ofTargets(() => undefined),
  'more than the bounds': ofTargets(
    (document) => void Object.assign(firstRole(document), { paths: Array.from({ length: 17 }, (_, i) => `acme/${i}`) }),
  ),
  'a version of TUF that is not in full': ofTargets(set('spec_version', '1.0')),
  'consistent snapshots': ofRoot(set('consistent_snapshot', true)),
  'no enrolment, or one that is none': ofRoot((document) => void delete document.enrol),
  'no beginning, or one after the end': ofRoot((document) => void delete document.issued),
  'targets of its own, or no delegations': ofTargets(
    set('targets', { 'acme/x': { length: 1, hashes: { sha256: 'ab'.repeat(32) } } }),
  ),
  'two roles of one name': ofTargets((document) => {
    const { roles } = inside(document, 'delegations')
    ;(roles as Json[]).push(structuredClone(firstRole(document)))
  }),
  'a name or a path that is none': ofTargets(
    (document) => void Object.assign(firstRole(document), { name: '../acme' }),
  ),
  'a delegation without an epoch that it can have': ofTargets((document) => void delete firstRole(document).epoch),
  'what canonical JSON cannot hold': ofTargets(set('more', 2 ** 60)),
  'a root without snapshot and timestamp': ofRoot((document) => void delete inside(document, 'roles').snapshot),
  "a publisher with the name of one of TUF's roles": ofTargets(
    (document) => void Object.assign(firstRole(document), { name: 'snapshot' }),
  ),
}

describe.each([
  ['pimesh refuses and the other takes', stricter, [false, true]],
  ['pimesh takes and the other refuses', wider, [true, false]],
] as const)('%s', (_, classes, [ours, theirs]) => {
  it.each(Object.keys(classes))('%s', (name) => {
    const { kind, change, by } = examples[name] as Example
    const document = kind === 'root' ? root() : targets()
    expect([ourVerdict(kind, signed(kind, document)), theirVerdict(kind, signed(kind, document))]).toEqual([
      PLAIN,
      PLAIN,
    ])
    change(document)
    let bytes = signed(
      kind,
      document,
      by?.map((one) => one.replace(' again', '')),
    )
    if (name === 'one key under two ids') bytes = withAlias(bytes)
    if (name === 'a signature that is none') bytes = withOddSignature(bytes)
    expect(classesOf(classes, jsonOf(bytes), kind)).toContain(name)
    expect([ourVerdict(kind, bytes).reads, theirVerdict(kind, bytes).reads]).toEqual([ours, theirs])
    // Not only read: its signatures count. (Of two roles of one name one is lost on the way, and with it what was signed.)
    if (theirs && name !== 'two roles of one name') expect(theirVerdict(kind, bytes)).toEqual(PLAIN)
    if (ours) expect(ourVerdict(kind, bytes)).toEqual(PLAIN)
  })
})

/** The second signature is the first one again, under the other id of its key. */
function withAlias(bytes: Uint8Array): Uint8Array {
  const { signed, signatures } = jsonOf(bytes) as { signed: Json; signatures: JsonObject[] }
  return bytesOf({ signed, signatures: [signatures[0] as Json, { ...signatures[0], keyid: 'ab'.repeat(32) }] })
}

/** Hex in capitals, for one of them. */
function withOddSignature(bytes: Uint8Array): Uint8Array {
  const { signed, signatures } = jsonOf(bytes) as { signed: Json; signatures: { keyid: string; sig: string }[] }
  return bytesOf({
    signed,
    signatures: signatures.map((one, i) => (i === 0 ? { ...one, sig: one.sig.toUpperCase() } : one)),
  })
}

it('has an example of every class', () => {
  expect(Object.keys(examples).sort()).toEqual([...Object.keys(stricter), ...Object.keys(wider)].sort())
})
