// Who a simulated machine is, and what a publisher hands in there.
import type { MachineFacts } from '../../src/core/machines.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import type { Membership, TargetsDocument } from '../../src/core/trust/documents.ts'
import type { Content } from './content.ts'
import type { SimKey } from './crypto.ts'

export interface Identity {
  index: number
  /** `n007`: what traces and reports call it. */
  name: string
  key: SimKey
  membership: Membership
  address: string
  hidden: boolean
  /** Members whose addresses came with its invite. */
  bootstrap: readonly Identity[]
  facts: MachineFacts
  /** Fetches and serves every release. */
  mirror: boolean
  /** What it does to others: honest nodes none of it. */
  hostile: 'junk' | 'liar' | undefined
  /** It neither says nor passes on a head. */
  mute: boolean
}

/** What a publisher hands in at a machine. */
export interface HandedIn {
  targets: TargetsDocument | undefined
  announcement: AnnouncementDocument
  imported: readonly Content[]
}
