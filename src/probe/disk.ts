// What was written to the disk under `/` or the data folder, and how long that took.
import type { Mount, Mounts } from './mounts.ts'
import { parsed, per, times, tokens } from './numbers.ts'
import type { Reader } from './reader.ts'

/**
 * Counters of the whole disk that carries `/`, else the one that carries the data folder (a root on an overlay in memory).
 * Fields by Documentation/admin-guide/iostats.rst. A volume of device mapper or RAID is counted as itself.
 */
export function readDisk(reader: Reader, mounts: Mounts) {
  const table = diskTable(reader.text('/proc/diskstats') ?? '')
  const columns = diskOf(table, mounts.root) ?? diskOf(table, mounts.data) ?? []
  return {
    node_disk_written_bytes_total: times(parsed(columns[9]), 512),
    node_disk_writes_completed_total: parsed(columns[7]),
    node_disk_io_time_seconds_total: per(parsed(columns[12]), 1000),
    node_disk_write_time_seconds_total: per(parsed(columns[10]), 1000),
  }
}

/** Lines by 'major:minor' and by name. */
function diskTable(text: string): Map<string, string[]> {
  const table = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const columns = tokens(line)
    const name = columns[2]
    if (name === undefined) continue
    table.set(`${columns[0]}:${columns[1]}`, columns)
    table.set(name, columns)
  }
  return table
}

function diskOf(table: Map<string, string[]>, mount: Mount | undefined): string[] | undefined {
  if (mount === undefined) return undefined
  // btrfs mounts have a device number of their own: there only the source names the disk.
  const source = /^\/dev\/(?:.*\/)?([^/]+)$/.exec(mount.source)?.[1]
  const carrier = table.get(mount.device) ?? (source === undefined ? undefined : table.get(source))
  return carrier && (table.get(wholeDisk(carrier[2]!)) ?? carrier)
}

/** mmcblk0p2 -> mmcblk0, nvme0n1p1 -> nvme0n1, sda2 -> sda, vda1 -> vda; any other name is its own disk. */
function wholeDisk(name: string): string {
  return /^(.*\d)p\d+$/.exec(name)?.[1] ?? /^((?:s|h|v|xv)d[a-z]+)\d+$/.exec(name)?.[1] ?? name
}
