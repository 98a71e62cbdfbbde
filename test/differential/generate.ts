// Documents that are valid, and some that nearly are: roots and targets of different sizes, signed by enough or not, with a change or
// two in their structure. All chance follows from a seed.
import { canonicalize } from '@tufjs/canonical-json'
import type { Delegation } from '../../src/core/trust/documents.ts'
import { type Json, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { delegationOf, keyOf, NOW } from '../fixtures/documents.ts'
import { changeJson, nudgeJson } from '../fuzz/mutate.ts'
import type { Prng } from '../sim/prng.ts'
import { type Kind, ROOT_KEYS, rootSigned, TARGETS_KEYS } from './oracle.ts'

/** So many documents are signed of each kind; all others are made of them. */
const SIGNED = 150
const PUBLISHERS = ['p1', 'p2', 'p3', 'p4']
const cache = new Map(
  [...ROOT_KEYS, ...TARGETS_KEYS, ...PUBLISHERS, 'stranger'].map((name) => [name, keyOf(name)] as const),
)
const keyed = (name: string) => cache.get(name) ?? keyOf(name)

function some(chance: Prng, names: readonly string[], least: number): string[] {
  return chance.shuffled(names).slice(0, chance.int(least, names.length))
}

function rootOfChance(chance: Prng): JsonObject {
  const root = some(chance, ROOT_KEYS, 1)
  const retired = chance.chance(0.3) ? ['old'] : []
  return rootSigned({ version: chance.int(1, 9), root, threshold: chance.int(1, Math.min(3, root.length)), retired })
}

function targetsOfChance(chance: Prng): JsonObject {
  const keys = new Map(PUBLISHERS.map((name) => [keyed(name).keyId, keyed(name).publicKey]))
  const roles = some(chance, ['acme', 'tools', 'kernel', 'web-2'], 0).map((name): Delegation => {
    const by = some(chance, PUBLISHERS, 1)
    const paths = [`${name}/*`, `${name}/?/*.deb`].slice(chance.int(0, 1))
    return delegationOf({ name, by, threshold: chance.int(1, by.length), paths, terminating: chance.chance(0.5) })
  })
  return targetsJson({ version: chance.int(1, 9), expires: NOW, keys, roles })
}

/** Signed by some who may, and now and then by somebody who may not. */
function signed(chance: Prng, kind: Kind, document: JsonObject): JsonObject {
  const names = kind === 'root' ? ROOT_KEYS : TARGETS_KEYS
  const count = chance.pick([0, 1, 2, 2, 2, 3]) as number
  const by = [...chance.shuffled(names).slice(0, count), ...(chance.chance(0.2) ? ['stranger'] : [])]
  return jsonOf(encodeSigned(document, by.map(keyed)))
}

/** Makes documents of a kind, one after the other. */
export function generator(chance: Prng, kind: Kind): () => Json {
  const make = kind === 'root' ? rootOfChance : targetsOfChance
  const documents = Array.from({ length: SIGNED }, () => signed(chance, kind, make(chance)))
  const pick = () => chance.pick(documents) as JsonObject
  return () => {
    const way = chance.real()
    if (way < 0.35) return resigned(chance, pick(), pick())
    if (way < 0.45) return pick()
    let document: Json = pick()
    for (let times = chance.pick([1, 1, 1, 2, 3]) as number; times > 0; times--)
      document = way < 0.75 ? nudgeJson(chance, document) : changeJson(chance, document, pick())
    return document
  }
}

/** The document with one signature more, less, twice, of another document, or all in another order. */
function resigned(chance: Prng, document: JsonObject, other: JsonObject): Json {
  const [own, foreign] = [document.signatures as Json[], other.signatures as Json[]]
  const ways = [
    () => own.slice(1),
    () => chance.shuffled(own),
    () => [...own, ...own.slice(0, 1)],
    () => [...own, ...foreign.slice(0, 1)],
    () => foreign,
  ]
  return { signed: document.signed as Json, signatures: (chance.pick(ways) as () => Json[])() }
}

/** Canonical where the document has such a form. */
export function bytesOf(json: Json): Uint8Array {
  try {
    return Buffer.from(canonicalize(json))
  } catch {
    return Buffer.from(JSON.stringify(json))
  }
}
