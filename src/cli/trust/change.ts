// One change of trust from the words of a command to the mesh: shown, agreed to, signed with the keys that are here, taken into the
// folder and handed to the peer; or prepared for those who have the keys. Until all of it is signed, nothing has changed.
import { resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { DAY } from '../../core/limits.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { SigningRequest } from '../../publish/signing-request.ts'
import type { TrustChange } from '../../publish/trust-change.ts'
import { requestLines } from '../format/signing.ts'
import { pairLines } from '../format/table.ts'
import { type Context, dataOption, meshOption, type OptionSpecs, outputOption } from '../frame/command.ts'
import { confirmed } from '../frame/confirm.ts'
import { Passphrases, passphraseOption } from '../frame/passphrase.ts'
import { plain } from '../frame/terminal.ts'
import { requestJson } from '../publish/request-json.ts'
import type { Peer } from './catch-up.ts'
import type { Known } from './known.ts'
import { type HandedIn, takeIn } from './take-in.ts'

/** What every command takes that changes root or targets. */
export const changeOptions: OptionSpecs = {
  key: { type: 'string', multiple: true, value: 'FILE', help: 'a key that signs, beside those in the mesh folder' },
  prepare: { type: 'string', value: 'OUT', help: 'sign nothing: make a folder OUT for those who hold the keys' },
  yes: { type: 'boolean', help: 'do not ask' },
  ...passphraseOption,
  ...meshOption,
  ...dataOption,
  ...outputOption,
}

/** What these commands say of themselves in common. */
export const CHANGE_DETAILS = `Shows what changes, asks, signs with the keys in the mesh folder and hands it to the peer that runs on this machine. When the keys are
elsewhere, or it needs several holders: --prepare OUT, then "pimesh sign OUT --key FILE" for each, then "pimesh trust submit OUT".`

/**
 * @param done what is so now, in plain words.
 * @returns the exit status. @throws Failure; nothing has changed then.
 */
export async function makeChange(context: Context, known: Known, change: TrustChange, done: string): Promise<number> {
  const { args } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const out = args.text('prepare')
  if (change.root !== undefined && known.peer !== undefined) await requireClock(known.peer)
  if (out !== undefined) return await prepareChange(context, { known, change, out: resolve(out), output })
  const signed = await signAll(context, known, change, output)
  if (signed === undefined) {
    context.terminal.notice('not signed: nothing has changed')
    return 1
  }
  const { inTurn } = await import('../../publish/turn.ts')
  const { mesh, peer } = known
  const handed = await inTurn(mesh, () => takeIn(mesh.dir, signed, peer, 'run it again'), context.interrupted())
  report(context, { signed, handed, done, output })
  await tellOfTargets(context, mesh)
  return 0
}

/** Each document in its turn; undefined when a person had enough. */
async function signAll(
  context: Context,
  known: Known,
  change: TrustChange,
  output: 'table' | 'json',
): Promise<SigningRequest[] | undefined> {
  const { nextRequest, signersFor, withRoot } = await import('../../publish/trust-requests.ts')
  const { addSignature } = await import('../../publish/signing-request.ts')
  const { meshKeys, readKey } = await import('../../publish/mesh.ts')
  const named = context.args.texts('key').map(readKey)
  const keys = new Map([...meshKeys(known.mesh), ...named.map((key) => [key.keyId, key] as const)])
  const passphrases = new Passphrases(context)
  const signed: SigningRequest[] = []
  let mesh: Mesh = known.mesh
  for (;;) {
    const next = nextRequest(known, change, { mesh, now: Date.now() })
    if (next === undefined) return signed
    const signers = signersFor(next, keys.values())
    await show(context, { request: next, notes: signed.length === 0 ? change.notes : [], output })
    if (!(context.args.flag('yes') || (await confirmed(context, question(signers))))) return undefined
    let request = next
    for (const key of signers) {
      await passphrases.unlock(key)
      request = addSignature(request, key, Date.now())
    }
    signed.push(request)
    if (request.kind !== 'root') return signed
    mesh = withRoot(mesh, request.document)
  }
}

function question(signers: readonly { keyId: string }[]): string {
  const keys = signers.map(({ keyId }) => keyId.slice(0, 16)).join(', ')
  return `Sign this with the ${signers.length === 1 ? 'key' : 'keys'} ${keys}?`
}

/** On stdout where a person reads it; for a program only what needs an answer is said, on stderr. */
async function show(
  { terminal, args }: Context,
  { request, notes, output }: { request: SigningRequest; notes: readonly string[]; output: 'table' | 'json' },
): Promise<void> {
  const { describeRequest } = await import('../../publish/describe-request.ts')
  const description = describeRequest(request)
  const lines = requestLines({ ...description, notes: [...description.notes, ...notes] }, request, terminal).join('\n')
  if (output === 'table') terminal.print(lines)
  else if (!args.flag('yes')) terminal.notice(lines)
}

async function prepareChange(
  context: Context,
  { known, change, out, output }: { known: Known; change: TrustChange; out: string; output: 'table' | 'json' },
): Promise<number> {
  const { terminal } = context
  const { nextRequest } = await import('../../publish/trust-requests.ts')
  const { prepareAlone, requireNew } = await import('../../publish/request-folder.ts')
  const { nextText } = await import('../../publish/signing-request.ts')
  requireNew(out)
  const request = nextRequest(known, change, { mesh: known.mesh, now: Date.now() })
  if (request === undefined) throw new Error('a change of trust changes no document')
  const { folder } = prepareAlone(out, request)
  if (output === 'json') terminal.json({ ...requestJson(request), folder })
  else await show(context, { request, notes: change.notes, output })
  terminal.notice(`${nextText(request)}: take ${folder} to them, and run "pimesh sign ${folder} --key FILE" there`)
  if (request.kind === 'root' && change.targets !== undefined)
    terminal.notice('the targets document changes as well: say the same once more when this root is in force')
  if (known.peer === undefined)
    terminal.notice(`no peer runs on this machine: it follows what ${known.mesh.dir} knows; the mesh may know of more`)
  return 0
}

function report(
  { terminal }: Context,
  what: {
    signed: readonly SigningRequest[]
    handed: HandedIn | undefined
    done: string
    output: 'table' | 'json'
  },
): void {
  const { signed, handed, done, output } = what
  const documents = signed.map(({ kind, document }) => ({
    kind,
    version: document.signed.version,
    hash: document.hash,
  }))
  if (output === 'json')
    terminal.json({
      schema: 'pimesh.trust-change/1',
      documents,
      handedIn: handed !== undefined,
      linked: handed?.linked ?? null,
    })
  else {
    const lines = pairLines(
      documents.map(({ kind, version }): [string, string] => [kind, `version ${version}`]),
      '  ',
    )
    terminal.print([plain(done), ...lines].join('\n'))
  }
  terminal.notice(nextText(handed))
}

/** Where it goes from here. */
export function nextText(handed: HandedIn | undefined): string {
  if (handed === undefined)
    return 'no peer runs on this machine, so the mesh has not heard of it: "pimesh trust submit" hands it in when one does'
  if (handed.linked === 0)
    return 'the peer on this machine is linked to no member now: it tells the others as soon as it is'
  return 'it goes from link to link now; nodes that are off take it when they are back'
}

/** After the targets keys changed, their document waits for them. */
export async function tellOfTargets({ terminal }: Context, { dir }: Pick<Mesh, 'dir'>): Promise<void> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const { isTargets, newestKnown } = await import('../../publish/delegations.ts')
  const mesh = openMesh(dir)
  const targets = newestKnown(mesh, null)
  if (targets === undefined || isTargets(targets, mesh)) return
  terminal.notice(
    'the targets document is not signed by the new targets keys yet, and nothing is installed until it is: "pimesh trust renew targets"',
  )
}

/**
 * The date of a root is one that nodes believe for good (clause CLOCK 1): it has to be near what the mesh knows of the time.
 * @throws Failure E_STATE
 */
async function requireClock({ client, data }: Peer): Promise<void> {
  const { timeBound, freshness, beacon } = await client.status()
  const now = Date.now()
  const isBefore = timeBound !== undefined && now < Date.parse(timeBound) - DAY
  const proven = freshness === 'fresh' && typeof beacon?.time === 'string' ? beacon.time : undefined
  const time = isBefore ? timeBound : proven
  if (time === undefined || Math.abs(now - Date.parse(time)) <= DAY) return
  throw new Failure(
    'E_STATE',
    `the clock of this machine says ${new Date(now).toISOString()}, and the peer of ${data} knows of ${time}: set the clock before a root is signed with its date`,
  )
}
