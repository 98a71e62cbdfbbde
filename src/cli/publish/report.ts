// What was announced, for a person and for a program.

import type { SubmittedJson } from '../../daemon/api-types.ts'
import type { NamedPatch } from '../../publish/patches.ts'
import type { SignedRelease } from '../../publish/release.ts'
import { bytes, counted, percent } from '../format/quantity.ts'
import { encodingText } from '../format/releases.ts'
import { pairLines } from '../format/table.ts'
import { plain } from '../frame/terminal.ts'

type Release = SignedRelease['release']

/** A release that is in force, and what the peer said of its announcement. */
export interface Announced {
  release: Release
  submitted: SubmittedJson
  /** What its patches are made from. */
  patches?: readonly NamedPatch[]
}

/** A document as the API takes it. */
export function text(raw: Uint8Array): string {
  return Buffer.from(raw).toString('utf8')
}

export function announcedLines({ release, submitted, patches = [] }: Announced): string[] {
  const { path, version, to, counter, artifact, encodings } = release
  return [
    `${path}@${version} is announced`,
    ...pairLines(
      [
        ['for', plain(to)],
        ['counter', String(counter)],
        ['role', `${submitted.role}, version ${submitted.version}`],
        ['artifact', bytes(artifact.length)],
        ['SHA-256', artifact.hash],
        ...encodings.map((one): [string, string] => ['travels', travelText(one, encodings, patches)]),
      ],
      '  ',
    ),
  ]
}

export function withdrawnLines({ release, submitted }: Announced): string[] {
  const { path, version, counter } = release
  return [
    `${path}@${version} is withdrawn`,
    ...pairLines(
      [
        ['counter', String(counter)],
        ['role', `${submitted.role}, version ${submitted.version}`],
      ],
      '  ',
    ),
    `no further node begins it; where it is in use it stays until another ${path} is published`,
  ]
}

/** Of a patch also how much it saves, and for whom: who has that version, or an artifact that begins with these digits. */
function travelText(
  one: Release['encodings'][number],
  all: Release['encodings'],
  patches: readonly NamedPatch[],
): string {
  const text = encodingText(shown(one))
  const whole = wholeIn(all)
  if (one.base === undefined || whole === undefined) return text
  return `${text}: ${percent(one.length / whole.length)} of the whole, for ${whomText(one.base, patches)}`
}

function whomText(base: string, patches: readonly NamedPatch[]): string {
  const patch = patches.find(({ encoding }) => encoding.base === base)
  if (patch?.nodes === undefined) return `nodes with ${base.slice(0, 16)}`
  return `${counted(patch.nodes, 'node')} with ${patch.from}`
}

const wholeIn = (encodings: Release['encodings']) => encodings.find(({ base }) => base === undefined)

function shown({ type, hash, length, pieceLength }: Release['encodings'][number]) {
  return { type, hash, bytes: length, pieces: Math.ceil(length / pieceLength) }
}

/** `copied`: whether another member has all of it; null: not waited for. */
export function reportJson({ release, submitted }: Announced, copied: boolean | null) {
  const { path, version, counter, hash, artifact, encodings } = release
  const { role, epoch } = submitted
  const whole = wholeIn(encodings)
  const patches = encodings.flatMap((one) => (one.base === undefined ? [] : [{ ...shown(one), base: one.base }]))
  return {
    schema: 'pimesh.publish/1',
    release: `${path}@${version}`,
    ...{ path, version, counter, hash, role, epoch },
    roleVersion: submitted.version,
    announcement: submitted.hash,
    withdraws: release.withdraws ?? null,
    artifact: { hash: artifact.hash, bytes: artifact.length },
    encoding: whole === undefined ? null : shown(whole),
    ...(patches.length === 0 ? {} : { patches }),
    copied,
  }
}
