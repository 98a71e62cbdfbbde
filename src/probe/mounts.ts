// Which file systems carry `/` and the data folder: /proc/self/mountinfo.
import type { Reader } from './reader.ts'

export interface Mount {
  /** The kernel's number of the device, '179:2'. */
  device: string
  point: string
  /** What was mounted: '/dev/mmcblk0p2', 'overlay', ... */
  source: string
  readOnly: boolean
}

/** The mounts on which `/` and the data folder lie; undefined when the kernel does not say. */
export interface Mounts {
  root: Mount | undefined
  data: Mount | undefined
}

/** Reads /proc/self/mountinfo; parses it only when it changed, which is nearly never. */
export class MountTable {
  readonly #dataFolder: string
  #text = ''
  #mounts: Mounts = { root: undefined, data: undefined }

  constructor(dataFolder: string) {
    this.#dataFolder = dataFolder
  }

  read(reader: Reader): Mounts {
    const text = reader.text('/proc/self/mountinfo') ?? ''
    if (text === this.#text) return this.#mounts
    const mounts = text.split('\n').map(parseMount)
    this.#text = text
    this.#mounts = { root: mountOf(mounts, '/'), data: mountOf(mounts, this.#dataFolder) }
    return this.#mounts
  }
}

/**
 * Options that say "nothing can be written here". After an error ext4 shows `ro` up to Linux 6.11, and `emergency_ro` or
 * `shutdown` from 6.15 on, where its mount still says `rw` (commit d3476f3dad4a and the series after it).
 */
const readOnlyOptions = new Set(['ro', 'emergency_ro', 'shutdown'])

/** A line of /proc/self/mountinfo, proc_pid_mountinfo(5): `36 35 98:0 /root /point rw,noatime tag:1 - ext4 /dev/source rw`. */
function parseMount(line: string): Mount | undefined {
  const words = line.split(' ')
  const dash = words.indexOf('-', 6)
  const [, , device, , point, options] = words
  const source = words[dash + 2]
  const superOptions = words[dash + 3]
  if (dash === -1 || !device || !point || !options || !source || !superOptions) return undefined
  const readOnly = [...options.split(','), ...superOptions.split(',')].some((option) => readOnlyOptions.has(option))
  return { device, point: unescapeOctal(point), source: unescapeOctal(source), readOnly }
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** The mount that a path lies on: the longest mount point above it, and of equal ones the last, which hides the others. */
function mountOf(mounts: (Mount | undefined)[], path: string): Mount | undefined {
  let best: Mount | undefined
  for (const mount of mounts) {
    if (mount === undefined || !isAbove(mount.point, path)) continue
    if (best === undefined || mount.point.length >= best.point.length) best = mount
  }
  return best
}

function isAbove(point: string, path: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`)
}

/** The data folder has columns of its own only on another device than `/`. */
export function hasOwnDevice({ root, data }: Mounts): boolean {
  return root !== undefined && data !== undefined && root.device !== data.device
}
