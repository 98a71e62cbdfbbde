// What a publisher asks for, as the words of the command line say it.
import { basename, resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { DAY, limits } from '../../core/limits.ts'
import type { ReleaseRequest } from '../../publish/release.ts'
import type { Context } from '../frame/command.ts'

export interface Wanted {
  file: string
  request: ReleaseRequest
  /** Files or versions to make patches from. */
  patchFrom: readonly string[]
}

/** @throws Failure E_USAGE */
export function readWanted(args: Context['args']): Wanted {
  const file = resolve(args.positionals[0] as string)
  args.choice('installer', ['file'], 'file')
  const { path, version } = readName(args)
  const to = args.text('to')
  if (to === undefined)
    throw new Failure('E_USAGE', `say which nodes it is for: --to 'zone.startsWith("/uk")', or --to true for all`)
  const days = args.count('expires', 1, limits.lifetimeMax / DAY)
  const patchFrom = args.texts('patch-from')
  if (patchFrom.length > 0 && args.flag('no-patch'))
    throw new Failure('E_USAGE', '--no-patch makes none, and --patch-from makes one: leave one of them out')
  const request: ReleaseRequest = {
    path,
    version,
    to,
    counter: args.count('counter', 1, 2 ** 31 - 1),
    installer: { type: 'file', file: args.text('file') ?? basename(file), executable: args.flag('executable') },
    keyFile: args.text('key'),
    lifetime: days === undefined ? undefined : days * DAY,
    requires: args.texts('requires'),
    patches: patchFrom.length,
  }
  return { file, request, patchFrom }
}

/** `acme/agent@2.4.0`, or the version in an option of its own. */
function readName(args: Context['args']): { path: string; version: string | undefined } {
  const name = args.text('name')
  if (name === undefined) throw new Failure('E_USAGE', 'say what it is, as in --name acme/agent@2.4.0')
  const at = name.indexOf('@')
  const path = at === -1 ? name : name.slice(0, at)
  const inName = at === -1 ? undefined : name.slice(at + 1)
  const apart = args.text('version')
  if (inName !== undefined && apart !== undefined && inName !== apart)
    throw new Failure('E_USAGE', `two versions are given, "${inName}" and "${apart}": leave one out`)
  return { path, version: inName ?? apart }
}
