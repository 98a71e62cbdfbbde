// Checks of the machine: Node, the data folder, the membership and the clock.
import { constants, existsSync, statSync } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { age, bytes } from '../format/quantity.ts'
import { type Check, fail, failed, ok, warn } from './check.ts'

const MB = 1e6
const DAY = 86_400_000
/** A daemon writes a few megabytes a day; updates need far more. */
const SPACE_LOW = 200 * MB
const SPACE_NONE = 20 * MB
/** No clock that is right shows a time before this program was written. */
const WRITTEN = Date.parse('2026-01-01T00:00:00Z')
const SYNCHRONISED = '/run/systemd/timesync/synchronized'

/** `pimesh` does not start at all on a Node that is too old. */
export function nodeCheck(version: string, path: string): Check {
  return ok('node', `Node ${version} at ${path}`)
}

export async function folderChecks(data: string): Promise<Check[]> {
  if (!existsSync(data))
    return [
      fail(
        'data',
        `there is no folder ${data}`,
        'join a mesh with "pimesh join TOKEN", or name the right folder with --data',
      ),
    ]
  const { R_OK, W_OK, X_OK } = constants
  const writable = await access(data, R_OK | W_OK | X_OK).then(
    () => true,
    () => false,
  )
  return [
    writable
      ? ok('data', `${data} is writable`)
      : fail(
          'data',
          `${data} is not writable for this user`,
          `run this as the user of the daemon, or give the folder to it with chown`,
        ),
    await spaceCheck(data),
  ]
}

async function spaceCheck(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(existsSync(folder) ? folder : dirname(folder))
  const free = bavail * bsize
  const text = `${bytes(free)} free`
  if (free < SPACE_NONE) return fail('space', text, 'make room: the node can no longer save its state')
  return free < SPACE_LOW ? warn('space', text, 'make room before the next update') : ok('space', text)
}

/** `root`: the folder below which releases are installed. It is made with the first of them. */
export async function installCheck(root: string): Promise<Check> {
  const there = nearestExisting(root)
  const { W_OK, X_OK } = constants
  const usable =
    statSync(there).isDirectory() &&
    (await access(there, W_OK | X_OK).then(
      () => true,
      () => false,
    ))
  if (usable) return ok('install', `releases go to ${root}`)
  const why = statSync(there).isDirectory() ? 'is not writable for this user' : 'is no folder'
  return warn('install', `releases go to ${root}, and ${there} ${why}`, ADVICE)
}

const ADVICE =
  'give "install.root" in the configuration a folder that the user of the daemon may write to, or make it one'

/** The path itself, or the lowest folder above it that is there. */
function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path))
}

export function membershipCheck(about: { zone: string; membershipExpires: string } | Failure, now: number): Check {
  if (about instanceof Failure) return failed('membership', about, 'join with "pimesh join TOKEN"')
  const left = Date.parse(about.membershipExpires) - now
  const until = `in ${about.zone} until ${about.membershipExpires.slice(0, 10)}`
  const advice = 'leave and join again with a new invite'
  if (left < 0)
    return fail(
      'membership',
      `it ended ${age(-left)} ago (${until})`,
      `${advice}, or set this machine's clock if it is wrong`,
    )
  return left < 30 * DAY ? warn('membership', `it ends in ${age(left)}`, advice) : ok('membership', until)
}

/** `trusted`: what the kernel told the daemon; undefined when none answered. */
export function clockCheck(trusted: boolean | undefined, now: number): Check {
  const shown = new Date(now).toISOString()
  if (now < WRITTEN)
    return fail('clock', `it shows ${shown}, which is in the past`, 'set it, or let systemd-timesyncd or chrony do so')
  if (trusted ?? existsSync(SYNCHRONISED)) return ok('clock', `synchronised, ${shown}`)
  const advice = 'enable systemd-timesyncd or chrony; until then this node takes expiry dates as unproven'
  return warn('clock', `plausible but not known to be synchronised, ${shown}`, advice)
}
