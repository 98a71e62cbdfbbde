// `pimesh trust rotate-self`: who publishes changes the role's own keys, or ends the role, without the owner of the mesh.
import { resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { PublishersJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { SelfRotation } from '../../publish/self-rotation.ts'
import type { SigningRequest } from '../../publish/signing-request.ts'
import { requestLines } from '../format/signing.ts'
import type { Command, Context } from '../frame/command.ts'
import { confirmed } from '../frame/confirm.ts'
import { dataFolder } from '../frame/folders.ts'
import { Passphrases } from '../frame/passphrase.ts'
import { peerEnded } from '../publish/ended.ts'
import { handInSigned } from '../publish/hand-in.ts'
import { requirePeer } from '../publish/peer.ts'
import { asker, reportRequest } from '../publish/prepare.ts'
import { currentMesh } from './catch-up.ts'
import { changeOptions } from './change.ts'

export const rotateSelf: Command = {
  name: 'trust rotate-self',
  summary: "change a publisher's keys with its own keys, or end it",
  usage: 'ROLE [--out-key KEY]... [--pub KEY]... [--threshold K] | ROLE --end',
  details: `For who publishes: the owner of the mesh is not needed. The keys that sign for ROLE now sign the change, and those that come sign the next announcement; both happen
here when the keys are at hand. When they are elsewhere: --prepare OUT, then "pimesh sign OUT --key FILE" for each of the keys of now, then for each of the new ones,
then "pimesh publish --submit OUT". Whoever has fewer of the keys that went than had to sign, signs nothing that counts any more. So many of them together could change the
keys once more, everywhere: destroy them; against a thief of so many only a new epoch helps ("pimesh trust rotate ROLE --raise-epoch" by the owner). --end is for good: nothing of the role counts
until the owner gives it a new epoch. A role can change its keys ${limits.rotations - 1} times in an epoch.`,
  positionals: [1, 1],
  needs: 'a publisher, as in "pimesh trust rotate-self acme --out-key 23a3713956c07591 --pub new.key"',
  options: {
    'out-key': { type: 'string', multiple: true, value: 'KEY', help: 'a key that goes' },
    pub: { type: 'string', multiple: true, value: 'KEY', help: 'a key that comes' },
    threshold: { type: 'string', value: 'K', help: 'how many have to sign from now on' },
    end: { type: 'boolean', help: 'the role ends: there is no way back in this epoch' },
    ...changeOptions,
  },
  examples: [
    [
      'pimesh trust rotate-self acme --out-key 23a3713956c07591 --pub new.key --key new.key',
      'a key was lost or stolen',
    ],
    ['pimesh trust rotate-self acme --pub ed25519:9f86... --threshold 2 --prepare stick/keys', 'for others to sign'],
    ['pimesh trust rotate-self acme --end', 'the publisher gives up'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const wanted = {
    role: args.positionals[0] as string,
    out: args.texts('out-key'),
    in: args.texts('pub'),
    threshold: args.count('threshold', 1, limits.documentSignatures),
    end: args.flag('end'),
  }
  const changes = wanted.out.length + wanted.in.length > 0 || wanted.threshold !== undefined
  if (wanted.end === changes)
    throw new Failure('E_USAGE', 'say what changes: --out-key, --pub or --threshold; or only --end, for good')
  const { requireKeeping } = await import('../../publish/delegations.ts')
  const mesh = await currentMesh(context)
  requireKeeping(mesh)
  const out = args.text('prepare')
  return out === undefined ? await rotateAtOnce(context, mesh, wanted) : await prepare(context, mesh, wanted, out)
}

async function rotateAtOnce(context: Context, mesh: Mesh, wanted: SelfRotation): Promise<number> {
  const { args, terminal } = context
  const json = args.choice('output', ['table', 'json'], 'table') === 'json'
  const { draftSelfRotation, requireKeys, rotationLines, signInTurn } = await import('../../publish/self-rotation.ts')
  const { addSignature } = await import('../../publish/signing-request.ts')
  const { meshKeys, readKey } = await import('../../publish/mesh.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  const data = dataFolder(context)
  const client = apiClient(data)
  const held = await client.publishers()
  requirePeer(held, { id: mesh.id, place: mesh.dir }, data)
  const keys = [...meshKeys(mesh).values(), ...args.texts('key').map(readKey)]
  const draftOn = (base: PublishersJson) => draftSelfRotation(mesh, base, wanted, Date.now())
  const { request, frame } = draftOn(held)
  for (const note of frame.notes) terminal.notice(note)
  requireKeys(request, keys)
  await show(context, request, json)
  if (!(args.flag('yes') || (await confirmed(context, 'Sign this with the keys that are here?')))) {
    terminal.notice('not signed: nothing has changed')
    return 1
  }
  const ended = peerEnded(data)
  const passphrases = new Passphrases(context)
  const announce = async () => {
    const next = draftOn(await client.publishers().catch(ended.before))
    if (next.request.previous?.hash !== request.previous?.hash) throw overtaken(wanted.role)
    const document = await signInTurn(next.request, keys, async (unsigned, key) => {
      await passphrases.unlock(key)
      return addSignature(unsigned, key, Date.now())
    })
    const submitted = await handInSigned({ mesh, client, ended }, { document, newTargets: next.frame.newTargets })
    return { submitted, document }
  }
  const { submitted, document } = await inTurn(mesh, announce, context.interrupted())
  const { role, epoch, version, hash } = submitted
  if (json) terminal.json({ schema: 'pimesh.self-rotation/1', role, epoch, version, hash, ended: wanted.end })
  else terminal.print(rotationLines({ ...request, document } as SigningRequest).join('\n'))
  return 0
}

/** What was agreed to follows another announcement: what would be signed now, nobody has seen. */
function overtaken(role: string): Failure {
  return new Failure(
    'E_REQUEST',
    `the role "${role}" announced something while you were asked, and nothing was signed: run the command again`,
  )
}

/** On stdout where a person reads it; for a program only what needs an answer is said, on stderr. */
async function show({ terminal, args }: Context, request: SigningRequest, json: boolean): Promise<void> {
  const { describeRequest } = await import('../../publish/describe-request.ts')
  const lines = requestLines(describeRequest(request), request, terminal).join('\n')
  if (!json) terminal.print(lines)
  else if (!args.flag('yes')) terminal.notice(lines)
}

async function prepare(context: Context, mesh: Mesh, wanted: SelfRotation, out: string): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  if (args.texts('key').length > 0)
    throw new Failure('E_USAGE', '--prepare signs nothing: leave out --key, and give it to "pimesh sign" afterwards')
  const { draftSelfRotation } = await import('../../publish/self-rotation.ts')
  const { prepareAlone, requireNew } = await import('../../publish/request-folder.ts')
  const { keepAnnouncement } = await import('../../publish/delegations.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  requireNew(resolve(out))
  const ask = await asker(context, apiClient(dataFolder(context)), mesh)
  const make = async () => {
    const { request, frame } = draftSelfRotation(mesh, await ask(), wanted, Date.now())
    for (const note of frame.notes) terminal.notice(note)
    if (request.kind === 'announcement') keepAnnouncement(mesh, request.document, 'prepared')
    return request
  }
  await reportRequest(context, prepareAlone(out, await inTurn(mesh, make, context.interrupted())), output)
  return 0
}
