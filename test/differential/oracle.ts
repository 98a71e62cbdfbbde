// Two readers of one document: ours, and @tufjs/models, which was written by others and knows nothing of pimesh. Both get the same bytes
// under the same trusted root, and say whether it is a document at all, and whether the threshold of those who may signed it.
import { Metadata, MetadataKind } from '@tufjs/models'
import { Failure } from '../../src/core/failure.ts'
import type { RootDocument } from '../../src/core/trust/documents.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { verify, verifyStrict } from '../../src/keys/ed25519.ts'
import type { JsonObject } from '../../src/wire/canonical.ts'
import { Recent } from '../../src/wire/recent.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import { parseTargets } from '../../src/wire/targets.ts'
import { keyOf, rootOf } from '../fixtures/documents.ts'

export type Kind = 'root' | 'targets'

export interface Verdict {
  reads: boolean
  /** Whether the threshold is met; undefined when it is no document. */
  isSigned: boolean | undefined
}

export const ROOT_KEYS = ['r1', 'r2', 'r3']
export const TARGETS_KEYS = ['t1', 't2', 't3']

const ids = (names: readonly string[]) => names.map((name) => keyOf(name).keyId)

/** The `signed` part of a root with the roles that TUF wants: pimesh keeps them and does not use them. */
export function rootSigned(terms: {
  version: number
  root: string[]
  threshold: number
  retired?: string[]
}): JsonObject {
  const root = rootOf(terms)
  const keys = [...root.keys, ...TARGETS_KEYS.map((name) => [keyOf(name).keyId, keyOf(name).publicKey] as const)]
  const targets = { keyIds: ids(TARGETS_KEYS), threshold: 2 }
  const signed = rootJson({ ...root, keys: new Map(keys), roles: { ...root.roles, targets } })
  const dummy = { keyids: [keyOf('enrol').keyId], threshold: 1 }
  return { ...signed, roles: { ...(signed.roles as JsonObject), snapshot: dummy, timestamp: dummy } }
}

const trusted = encodeSigned(rootSigned({ version: 1, root: ROOT_KEYS, threshold: 2 }), ['r1', 'r2'].map(keyOf))
const ourRoot: RootDocument = parseRoot(trusted)
const theirRoot = Metadata.fromJSON(MetadataKind.Root, JSON.parse(Buffer.from(trusted).toString()))

const known = new Recent<string, boolean>(1_024)

/**
 * Strict verification costs 1.6 ms. What Node's own refuses, the strict one refuses too: most signatures here are wrong, and those that
 * are right mostly stand under documents of which only the list of signatures was changed.
 */
const env = {
  verifyStrict: (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    known.get(
      sha256Hex(Buffer.concat([key, signature, message])),
      () => verify(key, message, signature) && verifyStrict(key, message, signature),
    ),
}

/** A root is judged by its own root role, targets by that of the trusted root. */
export function ourVerdict(kind: Kind, bytes: Uint8Array): Verdict {
  try {
    const document = kind === 'root' ? parseRoot(bytes) : parseTargets(bytes)
    const { keys, roles } = kind === 'root' ? (document as RootDocument).signed : ourRoot.signed
    return { reads: true, isSigned: signedBy(document, keys, roles[kind], env) }
  } catch (error) {
    if (error instanceof Failure) return { reads: false, isSigned: undefined }
    throw error
  }
}

export function theirVerdict(kind: Kind, bytes: Uint8Array): Verdict {
  const judge = attempt(() => {
    const json = JSON.parse(Buffer.from(bytes).toString())
    if (kind === 'root') {
      const root = Metadata.fromJSON(MetadataKind.Root, json)
      return () => root.verifyDelegate(kind, root)
    }
    const targets = Metadata.fromJSON(MetadataKind.Targets, json)
    return () => theirRoot.verifyDelegate(kind, targets)
  })
  if (judge === undefined) return { reads: false, isSigned: undefined }
  const isSigned = attempt(() => {
    judge()
    return true
  })
  return { reads: true, isSigned: isSigned === true }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
