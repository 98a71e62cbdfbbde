// `pimesh trust revoke`: cuts off a node, or all that joined with an invite; ends a publisher, or takes a key out of all that it signs.
import { Failure, type FailureCode } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { NodeJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import { pairLines } from '../format/table.ts'
import type { Command, Context } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'
import { plain } from '../frame/terminal.ts'
import { CHANGE_DETAILS, changeOptions, makeChange } from './change.ts'
import { keyMeant, meaningOf } from './meaning.ts'
import { openOwn, stateChanges } from './state.ts'

export const revoke: Command = {
  name: 'trust revoke',
  summary: 'take back what a publisher, a key, a node or an invite may do',
  usage: 'ROLE|KEY|NODE|INVITE [--as role|key|node|invite]',
  details: `ROLE is the name of a publisher, or beacon: nobody may announce its paths any more. KEY is the beginning of a keyid (8 digits or more), "ed25519:...", or a
key file: it counts nowhere any more, at once. NODE is a name, an id or the unique beginning of one; INVITE is a token, or the hash of an invite. An enrol key of the mesh
folder signs it, and the peer that runs on this machine tells the others. Every member that has heard of it closes its links to the
node and does not admit it again. There is no way back: who was revoked by mistake joins again with a new token, into an empty folder.
A word that means several things is refused until --as says which. A role or a key is revoked by a new root or targets document. ${CHANGE_DETAILS}`,
  positionals: [1, 1],
  needs: 'a publisher, a key, a node or an invite, as in "pimesh trust revoke pi-7"',
  options: {
    as: { type: 'string', value: 'KIND', help: 'what the word means: role, key, node or invite' },
    ...changeOptions,
  },
  examples: [
    ['pimesh trust revoke acme', 'a publisher ends'],
    ['pimesh trust revoke 23a3713956c07591', 'a key was stolen'],
    ['pimesh trust revoke pi-7', 'a board was stolen'],
    ['pimesh trust revoke pimesh1.dZJ...', 'a token has leaked'],
  ],
  run,
}

/** What is to be revoked. */
interface Target {
  kind: 'node' | 'invite'
  id: string
  /** What people call it. */
  name: string
  /** Undefined when it is not known. */
  zone: string | undefined
  /** Wall time in ms when its last membership ends, as far as it is known. */
  until: number
  /** Hash of the invite of a node. */
  invite?: string | undefined
}

const HASH = /^[0-9a-f]{64}$/
const TOKEN = 'pimesh1.'

async function run(context: Context): Promise<number> {
  const { args } = context
  args.choice('output', ['table', 'json'], 'table')
  const word = args.positionals[0] as string
  const { kind, known } = await meaningOf(context, word)
  if (kind !== 'role' && kind !== 'key') {
    const surplus = ['prepare', 'key'].find((name) => args.text(name) !== undefined || args.texts(name).length > 0)
    if (surplus !== undefined)
      throw new Failure('E_USAGE', `--${surplus} is for a role or a key, and "${word}" is a ${kind}: leave it out`)
    return await revokeMember(context, kind)
  }
  const { keyRevoked, placesOf, roleRevoked } = await import('../../publish/trust-change.ts')
  if (kind === 'role') {
    const done = `the role "${word}" is revoked`
    return await makeChange(context, known, roleRevoked(known, word), done)
  }
  const keyId = await keyMeant(known, word)
  const places = placesOf(known, keyId).join(', ')
  const done = `the key ${keyId.slice(0, 16)} of ${places} is revoked`
  return await makeChange(context, known, keyRevoked(known, keyId), done)
}

async function revokeMember(context: Context, as: 'node' | 'invite' | undefined): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const mesh = await openOwn(context)
  const target = await find(context, mesh, { text: args.positionals[0] as string, as })
  const entry = new Map([[target.id, target.until]])
  const changes = target.kind === 'node' ? { nodes: entry } : { invites: entry }
  const stated = await stateChanges(context, mesh, target.zone, changes)
  const { enroller, version } = stated
  const until = new Date(target.until).toISOString()
  if (output === 'json') {
    const { kind, id } = target
    terminal.json({ schema: 'pimesh.revoke/1', kind, id, zone: target.zone ?? null, until, enroller, version })
  } else {
    const lines = pairLines(
      [
        [target.kind, target.id],
        ['statement', `version ${version} of enrol key ${enroller}`],
      ],
      '  ',
    )
    terminal.print([`${plain(target.name)} is revoked`, ...lines].join('\n'))
  }
  if (target.invite !== undefined)
    terminal.notice(
      `whoever has the token that it joined with may still take free seats: "pimesh trust revoke ${target.invite}" cuts off all of that invite`,
    )
  return 0
}

async function find(
  context: Context,
  mesh: Mesh,
  { text, as }: { text: string; as: 'node' | 'invite' | undefined },
): Promise<Target> {
  if (text.startsWith(TOKEN)) return await invited(mesh, text)
  const until = Date.now() + limits.membershipLifetime + limits.inviteLifetime
  if (as === 'invite' && !HASH.test(text))
    throw new Failure('E_USAGE', `an invite is a token, or 64 hex digits, not "${text}"`)
  if (HASH.test(text)) return { kind: 'invite', id: text, name: 'the invite', zone: undefined, until }
  const { isNodeId } = await import('../../publish/statement.ts')
  const row = await nodeRow(context, text).catch((error) => {
    if (isNodeId(text) && isFailure(error, 'E_UNKNOWN_NODE')) return undefined
    throw error
  })
  if (row === undefined) return { kind: 'node', id: text, name: text, zone: undefined, until }
  const { node: id, name, zone, invite, membershipExpires } = row
  const ends = membershipExpires === undefined ? until : Date.parse(membershipExpires)
  return { kind: 'node', id, name, zone, until: ends, invite }
}

async function nodeRow(context: Context, text: string): Promise<NodeJson | undefined> {
  return (await apiClient(dataFolder(context)).node(text)).nodes[0]
}

async function invited(mesh: Mesh, token: string): Promise<Target> {
  const { openToken } = await import('../../publish/membership.ts')
  const { mesh: id, invite } = openToken(token, undefined)
  if (id !== mesh.id) throw new Failure('E_TOKEN_FOREIGN', `the token is of another mesh than ${mesh.dir}`)
  const { zone, membershipExpires: until } = invite.signed
  return { kind: 'invite', id: invite.hash, name: 'the invite', zone, until }
}

function isFailure(error: unknown, code: FailureCode): boolean {
  return error instanceof Failure && error.code === code
}
