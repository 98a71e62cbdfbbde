// `pimesh trust show`: who may do what in the mesh, with how many keys, and until when; as a peer holds it, or as a mesh folder has it.
import { resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { StatusJson } from '../../daemon/api-types.ts'
import type { TrustDocuments, TrustJson } from '../../publish/trust-view.ts'
import { age, counted, span } from '../format/quantity.ts'
import { trustLines } from '../format/trust.ts'
import { type Command, type Context, dataOption, outputOption } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'

export const show: Command = {
  name: 'trust show',
  summary: 'who may do what, with which keys and until when',
  usage: '[--mesh DIR|--data DIR]',
  details: `Says of the peer that runs on this machine what it holds: root, publishers, enrol keys with what they revoked, prolonged and
decided, beacons, and the days that are left of each. With --mesh it reads the mesh folder DIR instead, offline; that folder knows only what was
signed there or taken in. The lines at the top say which of the two it is, how old and how complete. What has less than a quarter of its lifetime
left ends soon.`,
  options: {
    mesh: { type: 'string', value: 'DIR', help: 'read this mesh folder, offline, instead of asking a peer' },
    ...dataOption,
    ...outputOption,
  },
  examples: [
    ['pimesh trust show', 'what the peer on this machine holds'],
    ['pimesh trust show --mesh ~/.pimesh-mesh', 'what the folder of the owner has'],
  ],
  run,
}

type SourceJson =
  | { kind: 'peer'; data: string; linked: number; freshness: string | null; newestBeacon: string | null }
  | { kind: 'folder'; folder: string; written: string }

interface Found {
  documents: TrustDocuments
  source: SourceJson
  /** The same for a person. */
  lines: [string, string][]
  notes: string[]
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const dir = args.text('mesh')
  if (dir !== undefined && args.text('data') !== undefined)
    throw new Failure('E_USAGE', 'say whose documents: of the folder --mesh DIR, or of the peer of --data DIR')
  const { trustJson } = await import('../../publish/trust-view.ts')
  const found = dir === undefined ? await ofPeer(context) : await ofFolder(resolve(dir))
  const trust = trustJson(found.documents, Date.now())
  const completeness = completenessOf(trust, found.source)
  const notes = [...found.notes, ...(trust.clockPlausible ? [] : [WRONG_CLOCK])]
  if (output === 'json') {
    terminal.json({ schema: 'pimesh.trust/1', source: found.source, completeness, notes, ...trust })
    return 0
  }
  const { publishers, announcements, enrolKeys, statements } = completeness
  const counts = `announcements of ${announcements} of ${counted(publishers, 'publisher')}, statements of ${statements} of ${counted(enrolKeys, 'enrol key')}`
  const source: [string, string][] = [...found.lines, ['holds', counts]]
  terminal.print(trustLines(trust, { source, notes, newestBeacon: newestText(found.source) }, terminal).join('\n'))
  return 0
}

const WRONG_CLOCK =
  'the clock of this machine shows a time before the root was signed, so the days that are left are wrong: set it'

const WAITING =
  'targets are held that the targets keys of the root have not signed, and none are in force: "pimesh trust renew targets" has them signed'

/** `proven`: a beacon vouches that nothing newer is missing. What nobody has signed yet is counted as not there. */
function completenessOf({ publishers, enrolment }: TrustJson, source: SourceJson) {
  return {
    proven: source.kind === 'peer' && source.freshness === 'fresh',
    publishers: publishers.length,
    announcements: publishers.filter(({ announcement }) => announcement !== null).length,
    enrolKeys: enrolment.keys.length,
    statements: enrolment.keys.filter(({ statement }) => statement !== null).length,
  }
}

/** Undefined for a folder, which keeps no beacons. */
function newestText(source: SourceJson): string | undefined {
  if (source.kind === 'folder') return undefined
  const { newestBeacon, freshness } = source
  return `${newestBeacon === null ? 'none yet' : `${newestBeacon.slice(0, 16)}Z`} (${freshness ?? 'not known'})`
}

async function ofPeer(context: Context): Promise<Found> {
  const data = dataFolder(context)
  const client = apiClient(data)
  const [status, enrolment, publishers] = await Promise.all([
    client.status(),
    client.enrolment(),
    client.publishers(),
  ]).catch((error: unknown) => Promise.reject(withOffline(error)))
  if (enrolment.root === undefined)
    throw new Failure('E_PROTOCOL', `the daemon of ${data} is older than this command: start the new one`)
  const { toldDocuments } = await import('../../publish/trust-documents.ts')
  const documents = toldDocuments({
    ...{ mesh: enrolment.mesh, root: enrolment.root, statements: enrolment.statements },
    ...{ targets: publishers.targets, announcements: publishers.roles },
    bound: status.timeBound === undefined ? 0 : Date.parse(status.timeBound),
  })
  const { freshness = null, beacon } = status
  const newestBeacon = beacon?.time ?? null
  const linked = enrolment.linked
  return {
    documents,
    source: { kind: 'peer', data, linked, freshness, newestBeacon },
    lines: [
      ['as held', `now by the peer of ${data} (${status.name}), linked to ${counted(linked, 'member')}`],
      ['complete', provenText(status)],
    ],
    notes: publishers.targets !== null && documents.targets === undefined ? [WAITING] : [],
  }
}

/** What a beacon proves, or why nothing is proven. */
function provenText({ freshness, beacon }: StatusJson): string {
  if (freshness === 'fresh' && beacon?.time)
    return `yes, as of the beacon of ${beacon.time.slice(0, 16)}Z; one is due every ${span(beacon.periodMs)}`
  if (freshness === 'stale') return 'perhaps not: no newer beacon for three periods, so something may be withheld'
  return beacon ? 'not known: no beacon came yet since the start' : 'not known: the mesh has no beacons that prove it'
}

/** Who has no peer may have the folder. */
function withOffline(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== 'E_NO_DAEMON') return error
  return new Failure('E_NO_DAEMON', `${error.message}; or read a mesh folder with --mesh DIR`, { cause: error })
}

async function ofFolder(dir: string): Promise<Found> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const { keptDocuments } = await import('../../publish/trust-documents.ts')
  const documents = keptDocuments(openMesh(dir))
  const { written, problem } = documents
  return {
    documents,
    source: { kind: 'folder', folder: dir, written: new Date(written).toISOString() },
    lines: [
      ['as kept', `in the folder ${dir}, last written ${age(Math.max(0, Date.now() - written))} ago`],
      ['complete', 'not known: it has what was signed here or taken in, and a peer may hold newer'],
    ],
    notes: problem === undefined ? [] : [`targets: ${problem}`],
  }
}
