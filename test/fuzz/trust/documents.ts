// Roots, targets and announcements of a stranger: what is read is exactly what came, and only what the owner or the publisher
// signed is ever judged as signed.
import { sameBytes } from '../../../src/core/bytes.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import type { Signed } from '../../../src/core/trust/documents.ts'
import { isKept, Registers } from '../../../src/core/trust/registers.ts'
import { walkRoots } from '../../../src/core/trust/roots.ts'
import { TargetsKeeper } from '../../../src/core/trust/targets-keeper.ts'
import { parseAnnouncement } from '../../../src/wire/announcement.ts'
import { parseRoot } from '../../../src/wire/root.ts'
import { parseTargets } from '../../../src/wire/targets.ts'
import { membershipOf, NOW } from '../../fixtures/documents.ts'
import { watchOf } from '../../fixtures/watch.ts'
import { type Target, Violation } from '../fuzzer.ts'
import {
  ANNOUNCEMENTS,
  BUNDLES,
  env,
  IN_FORCE,
  MESH,
  mutations,
  parsed,
  ROOT,
  ROOTS,
  TARGETS,
  termsOf,
} from './genuine.ts'

const rawOf = (documents: readonly Signed<unknown>[]) => documents.map(({ raw }) => raw)
const ALL = [...rawOf(ROOTS), ...rawOf(TARGETS), ...rawOf(ANNOUNCEMENTS)]

/** A target that parses a kind of document and judges it. `judge` says in a word what it was taken for. */
export function target<T>(
  name: string,
  genuine: readonly Signed<T>[],
  parts: { cap: number; parse: (bytes: Uint8Array) => Signed<T>; judge: (document: Signed<T>) => string | undefined },
): Target {
  const { cap, parse, judge } = parts
  const hashes = new Set(genuine.map(({ hash }) => hash))
  // Mostly of its own kind, and parts of the others.
  const [own, any] = [mutations(rawOf(genuine), cap), mutations([...rawOf(genuine), ...ALL], cap)]
  const run = (input: Uint8Array): string => {
    const outcome = parsed(() => parse(input))
    if ('code' in outcome) return outcome.code
    const document = outcome.value
    if (!sameBytes(document.raw, input)) throw new Violation(`the ${name} that was read is not what came`)
    const taken = judge(document)
    if (taken !== undefined && !hashes.has(document.hash))
      throw new Violation(`a ${name} that nobody signed is ${taken}`)
    return taken ?? 'refused'
  }
  return { name, generate: (chance) => (chance.chance(0.7) ? own : any)(chance), run }
}

export const rootTarget = target('root', ROOTS, {
  cap: limits.rootBytes,
  parse: parseRoot,
  judge(document) {
    const first = walkRoots(undefined, [document], { mesh: MESH }, env)
    const next = walkRoots(ROOT, [document], { mesh: MESH }, env)
    const among = walkRoots(ROOT, [...ROOTS, document], { mesh: MESH }, env)
    if (among.root?.hash !== ROOTS[2].hash) throw new Violation('beside a foreign root the newest one is not reached')
    return [...first.accepted, ...next.accepted].length > 0 ? 'accepted' : undefined
  },
})

const self = new Self(MESH, membershipOf({}), ROOT, NOW, 0)

export const targetsTarget = target('targets', TARGETS, {
  cap: limits.rootBytes,
  parse: parseTargets,
  judge(document) {
    const out = new Outbox()
    const keeper = new TargetsKeeper({ env, out, self, watch: watchOf(out, self).watch }, IN_FORCE, [{ version: 2 }])
    const outcome = keeper.consider(document, undefined, 0)
    if (outcome === 'accepted' && document.signed.version < IN_FORCE.signed.version)
      throw new Violation('older targets are accepted')
    return outcome === 'accepted' || outcome === 'same' ? outcome : undefined
  },
})

export const announcementTarget = target('announcement', [...ANNOUNCEMENTS, ...BUNDLES], {
  cap: limits.announcementBytes,
  parse: parseAnnouncement,
  judge(document) {
    const registers = new Registers([])
    registers.take(ANNOUNCEMENTS[0])
    const standing = registers.judge(document, termsOf(document.signed.role))
    return isKept(standing) ? standing : undefined
  },
})
