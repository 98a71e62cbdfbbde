// `pimesh invite`: signs an invite and prints its token.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { apiClient } from '../daemon/api-client.ts'
import { withNode } from '../daemon/api-reach-types.ts'
import type { StatusJson } from '../daemon/api-types.ts'
import { parseDuration } from './format/quantity.ts'
import { type Command, type Context, dataOption, meshOption, outputOption } from './frame/command.ts'
import { dataFolder, meshFolder } from './frame/folders.ts'
import { Passphrases, passphraseOption } from './frame/passphrase.ts'

export const invite: Command = {
  name: 'invite',
  summary: 'print a token that lets one or more machines join',
  usage: '--zone Z [--label K=V]... [--seats N] [--expires 48h] [--via ADDR]... [--first]',
  details: `The token is the only thing on stdout. Whoever holds it can join until it expires or its seats are taken: send it as you would a password.
Without --via, the members to start from are taken from the daemon that runs on this machine.`,
  options: {
    zone: { type: 'string', value: 'Z', help: 'where the nodes are, such as /uk/glasgow/lab3; / for an operator' },
    label: { type: 'string', multiple: true, value: 'K=V', help: 'label that the nodes carry' },
    seats: { type: 'string', value: 'N', help: 'how many nodes may join with it (default 1)' },
    cells: {
      type: 'string',
      value: 'N',
      help: 'cut a site of more than 32 nodes into N cells; the same for all invites of a site',
    },
    capability: {
      type: 'string',
      value: 'node|operator',
      help: 'what it lets them be (default node; operator for the zone /)',
    },
    expires: { type: 'string', value: 'DURATION', help: 'how long it can be used (default 48h)' },
    via: {
      type: 'string',
      multiple: true,
      value: 'ADDR',
      help: 'member to start from: /ip4/192.168.1.5/tcp/31415/p2p/12D3KooW...',
    },
    first: { type: 'boolean', help: 'for the first node of the mesh, which meets no member' },
    ...passphraseOption,
    ...meshOption,
    ...dataOption,
    ...outputOption,
  },
  examples: [
    ['pimesh invite --first --zone /uk/glasgow', 'for the first node of a new mesh'],
    ['pimesh invite --zone /uk/glasgow --seats 12 --label room=lab3', 'for a dozen more'],
    ['pimesh invite --zone / | ssh laptop pimesh attach -', "for an operator's laptop"],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const { zone, capability } = readPlace(args)
  const founding = args.flag('first')
  if (founding && capability === 'operator')
    throw new Failure('E_USAGE', 'the first node of a mesh is not an operator: name its zone, as in --zone /uk/glasgow')
  const seats = args.count('seats', 1, limits.inviteSeats) ?? 1
  const cells = args.count('cells', 1, limits.cells) ?? 1
  const expiresInMs = parseDuration('expires', args.text('expires') ?? '48h')
  const labels = readLabels(args.texts('label'))
  const { openMesh } = await import('../publish/mesh.ts')
  const { planInvite, signInvite } = await import('../publish/invite.ts')
  const mesh = openMesh(meshFolder(context))
  const via = args.texts('via').length > 0 || founding ? args.texts('via') : await localAddresses(context, mesh.id)
  const options = { zone, labels, capabilities: [capability], seats, cells, expiresInMs, via, founding }
  const plan = planInvite(mesh, options, Date.now())
  await new Passphrases(context).unlock(plan.enroller)
  const made = signInvite(plan)
  const expires = new Date(made.invite.signed.expires).toISOString()
  if (output === 'json') terminal.json({ schema: 'pimesh.invite/1', token: made.token, zone, seats, expires, via })
  else terminal.print(made.token)
  terminal.notice(`for ${whoMay(zone, seats)} until ${expires}: pimesh ${zone === '/' ? 'attach' : 'join'} TOKEN`)
  return 0
}

/** `one to join /uk/glasgow`, `2 operators`. */
function whoMay(zone: string, seats: number): string {
  const count = seats === 1 ? 'one' : seats
  return zone === '/' ? `${count} operator${seats === 1 ? '' : 's'}` : `${count} to join ${zone}`
}

/** Where to, and as what. An operator's peer is in no zone. */
function readPlace(args: Context['args']): { zone: string; capability: 'node' | 'operator' } {
  const named = args.text('zone')
  const capability = args.choice('capability', ['node', 'operator'], named === '/' ? 'operator' : 'node')
  const zone = named ?? (capability === 'operator' ? '/' : undefined)
  if (zone === undefined)
    throw new Failure('E_USAGE', 'say where the nodes are, as in "pimesh invite --zone /uk/glasgow"')
  if (capability === 'operator' && zone !== '/')
    throw new Failure('E_ZONE', `an operator's peer is in no zone: leave out --zone ${zone}`)
  return { zone, capability }
}

function readLabels(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text) => {
    const at = text.indexOf('=')
    if (at < 1) throw new Failure('E_LABEL', `"${text}" is not a label: write it as room=lab3`)
    return [text.slice(0, at), text.slice(at + 1)] as const
  })
  const twice = pairs.find(([key], at) => pairs.findIndex(([other]) => other === key) < at)
  if (twice !== undefined) throw new Failure('E_LABEL', `the label "${twice[0]}" is given twice`)
  return Object.fromEntries(pairs)
}

/** Addresses of the daemon on this machine, and of the members that it is linked to. E_NO_ADDRESS. */
async function localAddresses(context: Context, mesh: string): Promise<string[]> {
  const data = dataFolder(context)
  const status = await apiClient(data)
    .status()
    .catch((cause) => {
      const advice =
        'give one with --via ADDR ("pimesh status" shows it there), or --first for the first node of the mesh'
      const why =
        cause instanceof Failure && cause.code === 'E_NO_DAEMON'
          ? `no daemon answers in ${data}`
          : String(cause.message)
      throw new Failure('E_NO_ADDRESS', `an invite needs the address of a member, and ${why}: ${advice}`, { cause })
    })
  if (status.mesh !== mesh)
    throw new Failure(
      'E_NO_ADDRESS',
      `the daemon in ${data} belongs to another mesh: give a member of this one with --via ADDR`,
    )
  const addresses = inviting(status)
  if (addresses.length > 0) return addresses
  throw new Failure(
    'E_NO_ADDRESS',
    `the daemon in ${data} has no address where others can reach it: give a member with --via ADDR`,
  )
}

/** Where others can reach this daemon; an operator's peer, which may stand behind a NAT, names the members that it dialled. */
export function inviting(status: Pick<StatusJson, 'node' | 'role' | 'listening' | 'links'>): string[] {
  const dialled = status.links.filter((link) => link.direction === 'outbound')
  const members = dialled.map(({ address, node }) => withNode(address, node))
  const own = status.listening.map((address) => withNode(address, status.node))
  const all = status.role === 'operator' ? members : [...own, ...members]
  const remote = all.filter((address) => !/^\/(ip4\/127\.|ip6\/::1\/)/.test(address))
  return (remote.length > 0 ? remote : all).slice(0, limits.tokenAddresses)
}
