// The beacon key of this machine: a plain key file that the configuration names, since a daemon starts with nobody there to unlock it.
import { resolve } from 'node:path'
import { Failure } from '../core/failure.ts'
import { readKeyFile } from '../keys/key-file.ts'
import type { Signatory } from '../wire/signed.ts'

/**
 * @param path as configured; relative to the data folder; empty: there is none.
 * @throws Failure E_CONFIG: it cannot be read, or is locked. E_KEY, E_STATE: it is no key file, or a damaged one.
 */
export function readBeaconKey(data: string, path: string): Signatory | undefined {
  if (path === '') return undefined
  const file = resolve(data, path)
  const key = read(file)
  if (!key.locked) return key
  const advice = 'a daemon starts with nobody there to ask, so give it a plain one ("pimesh keys unprotect")'
  throw new Failure('E_CONFIG', `beacon.key is ${file}, which is under a passphrase: ${advice}`)
}

function read(file: string) {
  try {
    return readKeyFile(file)
  } catch (cause) {
    if (cause instanceof Failure || !(cause instanceof Error && 'code' in cause)) throw cause
    const advice = 'check the path, and that the user of pimesh may read it'
    throw new Failure('E_CONFIG', `beacon.key is ${file}, which cannot be read (${cause.code}): ${advice}`, { cause })
  }
}
