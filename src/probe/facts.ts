// What this machine is: read once, shown by `pimesh status`. Nothing here identifies one machine among its like.
import { limits } from '../core/limits.ts'
import type { Facts } from '../ports/probe.ts'
import type { Reader } from './reader.ts'

/**
 * model, os, kernel, arch, cpus, node. The board's serial number is left out, also as a hash: it has 32 bits that vary, which a hash does not
 * hide, and a node already has a name of its own.
 */
export function readFacts(reader: Reader): Facts {
  return {
    model: shown(reader.text('/proc/device-tree/model') ?? desktopModel(reader)),
    os: shown(osName(reader.text('/etc/os-release') ?? '')),
    kernel: shown(reader.text('/proc/sys/kernel/osrelease')),
    arch: process.arch,
    cpus: reader.text('/proc/stat')?.match(/^cpu\d+ /gm)?.length ?? null,
    node: process.versions.node,
  }
}

/** A computer without a device tree says by DMI what it is. */
function desktopModel(reader: Reader): string | undefined {
  const words = ['sys_vendor', 'product_name'].map((file) => reader.word(`/sys/class/dmi/id/${file}`))
  return words.filter((word) => word !== undefined).join(' ')
}

/** PRETTY_NAME of os-release(5): a shell assignment, quoted or not. */
function osName(text: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim()
  return value?.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(["'$`\\])/g, '$1')
}

/** Safe on a terminal: no control characters (the device tree ends texts with NUL), bounded; empty is null. */
function shown(text: string | undefined): string | null {
  const plain = text?.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return plain ? [...plain].slice(0, limits.factLength).join('') : null
}
