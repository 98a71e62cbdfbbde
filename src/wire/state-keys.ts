// Keys of the store that more than one change has: those of what is forgotten again.
import type { Change } from '../core/events.ts'
import type { SavedZone } from '../core/fleet/summary.ts'
import type { PathFloor } from '../core/trust/announcement.ts'
import { historyName } from './history.ts'

export type Forgotten = Extract<Change, { type: `forget${string}` }>

export function isForgotten(change: Change): change is Forgotten {
  return change.type.startsWith('forget')
}

export function forgottenKey(change: Forgotten): string {
  switch (change.type) {
    case 'forgetMembership':
      return `membership/${change.id}`
    case 'forgetStatement':
      return `statement/${change.enroller}`
    case 'forgetContact':
      return `contact/${change.node}`
    case 'forgetRow':
      return `row/${change.node}`
    case 'forgetZone':
      return zoneKey(change)
    case 'forgetAnnouncement':
      return `announcement/${change.side}/${change.role}`
    case 'forgetPathFloor':
      return pathFloorKey(change)
    case 'forgetPieceList':
      return `pieceList/${change.hash}`
    case 'forgetHolding':
      return `holding/${change.encoding}`
    case 'forgetCached':
      return `cached/${change.encoding}`
    case 'forgetHistory':
      return `history/${historyName(change.node, change.tier, change.run, change.first)}`
  }
}

/** The name of a role has no `/`: it ends at the first one. */
export const pathFloorKey = ({ role, path }: Pick<PathFloor, 'role' | 'path'>): string => `pathFloor/${role}/${path}`

/** Under the name that tells children of an inner zone apart. */
export const zoneKey = (zone: Pick<SavedZone, 'zone' | 'leaf'>): string =>
  `zone/${zone.leaf ? 'leaf' : 'inner'}${zone.zone}`
