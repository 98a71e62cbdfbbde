// Where things are when nobody says so.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Context } from './command.ts'

/** Absolute path of the daemon's data folder. */
export function dataFolder({ args, env }: Pick<Context, 'args' | 'env'>): string {
  const fallback = process.getuid?.() === 0 ? '/var/lib/pimesh' : join(homedir(), '.pimesh')
  return resolve(args.text('data') ?? chosen(env.PIMESH_DATA) ?? fallback)
}

/** Absolute path of the mesh's folder: its keys and signed documents. */
export function meshFolder({ args, env }: Pick<Context, 'args' | 'env'>): string {
  return resolve(args.text('mesh') ?? chosen(env.PIMESH_MESH) ?? join(homedir(), '.pimesh-mesh'))
}

function chosen(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
