// What the word of `pimesh trust revoke` means: a role, a key, a node or an invite. A word that means several things is refused, since
// nothing that is revoked comes back by itself.
import { Failure } from '../../core/failure.ts'
import { nearest } from '../../core/nearest.ts'
import type { Context } from '../frame/command.ts'
import { type Known, trustHere } from './known.ts'

const KINDS = ['role', 'key', 'node', 'invite'] as const
type Kind = (typeof KINDS)[number]

/** `undefined`: a node or an invite, which the peer on this machine has to know. */
type Meaning = { kind: 'role' | 'key'; known: Known } | { kind: 'node' | 'invite' | undefined; known?: undefined }

/** @throws Failure E_USAGE (several), E_ROLE (--as role, and there is none), E_KEY (--as key); as knownTrust */
export async function meaningOf(context: Context, word: string): Promise<Meaning> {
  const as = readAs(context)
  if (as === 'node' || as === 'invite') return { kind: as }
  if (word.startsWith('pimesh1.') && as === undefined) return { kind: 'invite' }
  const { known, wrong } = await trustHere(context)
  const found = as === undefined ? await meaningsOf(known, word) : []
  // A node and an invite are revoked by a statement, which needs no newest root.
  if (as === undefined && found.length === 0) return { kind: undefined }
  if (wrong !== undefined) throw wrong
  if (as !== undefined) return { kind: as, known }
  const [first] = found as [{ kind: 'role' | 'key'; text: string }]
  const others = await nodesCalled(known, word)
  const all = [...found.map(({ text }) => text), ...others]
  if (all.length === 1) return { kind: first.kind, known }
  const kinds = [...new Set([...found.map(({ kind }) => kind), ...(others.length > 0 ? ['node'] : [])])]
  const advice =
    kinds.length > 1 ? `say which with ${kinds.map((kind) => `--as ${kind}`).join(' or ')}` : 'give more of its keyid'
  throw new Failure('E_USAGE', `"${word}" may mean ${all.join(' or ')}: ${advice}`)
}

function readAs({ args }: Context): Kind | undefined {
  const text = args.text('as')
  const kind = KINDS.find((one) => one === text)
  if (kind !== undefined || text === undefined) return kind
  throw new Failure('E_USAGE', `--as takes ${KINDS.join(', ')}, not "${text}"`)
}

/** What the folder knows under this word. */
async function meaningsOf(known: Known, word: string): Promise<{ kind: 'role' | 'key'; text: string }[]> {
  const { allKeys, isRootRole, placesOf } = await import('../../publish/trust-change.ts')
  const { keysNamed } = await import('../../publish/role-keys.ts')
  const isRole = isRootRole(word) || known.targets?.signed.roles.some(({ name }) => name === word) === true
  const keys = keysNamed(known.mesh.dir, word, allKeys(known)).map((keyId) => ({
    kind: 'key' as const,
    text: `the key ${keyId.slice(0, 16)} of ${placesOf(known, keyId).join(' and ')}`,
  }))
  return isRole ? [{ kind: 'role', text: `the role "${word}"` }, ...keys] : keys
}

/** Nodes that the peer knows by it; none when there is no peer. */
async function nodesCalled({ peer }: Known, word: string): Promise<string[]> {
  if (peer === undefined) return []
  try {
    const { nodes } = await peer.client.node(word)
    return nodes.map(({ name, node }) => `the node ${name} (${node})`)
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_UNKNOWN_NODE')) throw error
    return []
  }
}

/** The one key that a word means. @throws Failure E_KEY, E_USAGE */
export async function keyMeant(known: Known, word: string): Promise<string> {
  const { allKeys } = await import('../../publish/trust-change.ts')
  const { keysNamed } = await import('../../publish/role-keys.ts')
  const all = allKeys(known)
  const [keyId, ...more] = keysNamed(known.mesh.dir, word, all)
  if (keyId !== undefined && more.length === 0) return keyId
  if (keyId !== undefined) throw new Failure('E_KEY', `"${word}" fits ${more.length + 1} keys: give more of the keyid`)
  const close = nearest(
    word,
    [...all].map((one) => one.slice(0, 16)),
  )
  const hint = close === undefined ? '"pimesh trust show" and "pimesh keys list" name them' : `did you mean ${close}?`
  throw new Failure('E_KEY', `"${word}" is no key of this mesh: ${hint}`)
}
