// What a node may ask of the directory, apart from its other effects.
import type { Effect } from '../events.ts'

const TYPES = ['directoryServe', 'directoryServers', 'directoryFind', 'directoryProvide', 'directoryWithdraw'] as const

export type DirectoryEffect = Extract<Effect, { type: (typeof TYPES)[number] }>

export function isDirectoryEffect(effect: Effect): effect is DirectoryEffect {
  return (TYPES as readonly string[]).includes(effect.type)
}
