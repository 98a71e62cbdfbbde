// A signing request on disk: `request.json`, and beside it the encodings of what it announces, each under the hash of the encoding.
// A key holder needs the first only. The folder appears complete or not at all, and each signature replaces the file in one step.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { checkEncoding } from '../artifact/check.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Release } from '../core/trust/announcement.ts'
import { syncFolder, writeAtomic } from '../keys/atomic-file.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../wire/canonical.ts'
import { withdrawnTarget } from '../wire/release.ts'
import { type Encoded, type EncodingOptions, encodeInto, type Progress, type Publishable } from './artifact.ts'
import { writing } from './mesh.ts'
import { encodeRequest, readRequest, type SigningRequest } from './signing-request.ts'

export const REQUEST_FILE = 'request.json'
const MODE = 0o644

/** A request with the place that it was read from. */
export interface Loaded {
  request: SigningRequest
  /** Of the file. */
  path: string
  folder: string
}

/** Refuses a folder that has something in it, before anything is encoded. @throws Failure E_USAGE, E_DATA_WRITE */
export function requireNew(out: string): void {
  const taken =
    existsSync(out) && writing(dirname(out), () => !statSync(out).isDirectory() || readdirSync(out).length > 0)
  if (taken) throw new Failure('E_USAGE', `${out} exists already: give the name of a new folder for the request`)
  if (!existsSync(dirname(out))) throw new Failure('E_USAGE', `there is no folder ${dirname(out)}: make it first`)
}

/** Keeps a request that has no artifact in the new folder `out`. @throws Failure as requireNew; nothing is left then */
export function prepareAlone(out: string, request: SigningRequest): Loaded {
  const folder = resolve(out)
  const parent = dirname(folder)
  requireNew(folder)
  const temporary = join(parent, `.${basename(folder)}.${process.pid}`)
  try {
    writing(parent, () => {
      mkdirSync(temporary)
      place(temporary, request, folder)
    })
    return { request, folder, path: join(folder, REQUEST_FILE) }
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** The folder gets its name when all of it is there. */
function place(temporary: string, request: SigningRequest, folder: string): void {
  writeAtomic(join(temporary, REQUEST_FILE), encodeRequest(request), MODE)
  renameSync(temporary, folder)
  syncFolder(dirname(folder))
}

/**
 * Encodes `file` and keeps what `make` makes of it in the new folder `out`, with the encodings.
 * @throws Failure as encodeInto and requireNew; what `make` throws; the signal's reason. Nothing is left then.
 */
export async function prepareFolder(
  out: string,
  file: string,
  options: EncodingOptions,
  make: (encoded: Publishable) => Promise<SigningRequest>,
): Promise<Loaded> {
  const folder = resolve(out)
  const parent = dirname(folder)
  requireNew(folder)
  const temporary = join(parent, `.${basename(folder)}.${process.pid}`)
  writing(parent, () => mkdirSync(temporary))
  const remove = () => rmSync(temporary, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const into = { into: temporary, name: parent, advice: 'give another folder with --prepare' }
    const request = await make(await encodeInto(file, into, options))
    writing(parent, () => place(temporary, request, folder))
    return { request, folder, path: join(folder, REQUEST_FILE) }
  } finally {
    process.off('exit', remove)
    remove()
  }
}

/** Reads the request that a person named by its folder or its file. @throws Failure E_REQUEST (none, damaged, altered) */
export function loadRequest(named: string): Loaded {
  const at = resolve(named)
  const isFolder = statSync(at, { throwIfNoEntry: false })?.isDirectory() === true
  const path = isFolder ? join(at, REQUEST_FILE) : at
  return { request: readRequest(readBounded(path), path), path, folder: dirname(path) }
}

/** Replaces the file. @throws Failure E_DATA_WRITE */
export function saveRequest({ path, folder }: Loaded, request: SigningRequest): void {
  writing(folder, () => writeAtomic(path, encodeRequest(request), MODE))
}

/** Never waits for a pipe, and reads no more than a request may have. */
function readBounded(path: string): Uint8Array {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = fstatSync(file)
      if (stats.isFile() && stats.size <= limits.signingRequestBytes) return readFileSync(file)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    const advice = 'give the folder that --prepare made, or the request.json in it'
    throw new Failure('E_REQUEST', `there is no signing request in ${path} (${code}): ${advice}`, { cause })
  }
  throw new Failure('E_REQUEST', `${path} is no signing request: give the folder that --prepare made`)
}

/** The releases that a request announces anew, with bytes that come with it. */
export function newReleases(request: SigningRequest): Release[] {
  return changedReleases(request).filter((release) => !isWithdrawal(request, release))
}

/** The releases that a request withdraws. */
export function withdrawnReleases(request: SigningRequest): Release[] {
  return changedReleases(request).filter((release) => isWithdrawal(request, release))
}

function changedReleases(request: SigningRequest): Release[] {
  if (request.kind !== 'announcement') return []
  const before = new Set(request.previous?.signed.releases.map(({ hash }) => hash))
  return request.document.signed.releases.filter(({ hash }) => !before.has(hash))
}

/** The release before it says the same of everything but whom it is for. */
function isWithdrawal({ previous, document }: SigningRequest, { path, withdraws }: Release): boolean {
  if (withdraws === undefined || previous === undefined) return false
  const [before, after] = [previous, document].map(({ signedBytes }) => {
    const targets = jsonOf(signedBytes).targets as { [path: string]: JsonObject }
    return targets[path]
  })
  if (before === undefined || after === undefined) return false
  return canonicalText(withdrawnTarget(before, withdraws)) === canonicalText(after)
}

const canonicalText = (json: JsonObject): string => Buffer.from(canonicalBytes(json)).toString()

/**
 * Compares the encodings in the folder with what is announced, as far as they are there.
 * @returns those that are there, and the paths of those that are not.
 * @throws Failure E_ARTIFACT (one is something else), the signal's reason.
 */
export async function checkFolder(
  { request, folder }: Loaded,
  options: { progress?: Progress | undefined; signal: AbortSignal },
): Promise<{ found: Pick<Encoded, 'encoding' | 'path'>[]; absent: string[] }> {
  const found: Pick<Encoded, 'encoding' | 'path'>[] = []
  const absent: string[] = []
  for (const { artifact, encodings } of newReleases(request))
    for (const encoding of encodings) {
      const path = join(folder, encoding.hash)
      const isThere = await checkEncoding(path, { artifact, encoding }, { ...options, progress: options.progress })
      if (isThere) found.push({ encoding, path })
      else absent.push(path)
    }
  return { found, absent }
}
