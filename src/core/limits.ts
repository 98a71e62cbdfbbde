// Every bound of pimesh, each with its reason beside it in limits/, by room. Any folder may import this file, and nobody a room.
// Durations are milliseconds and sizes are bytes unless the name says otherwise. docs/limits.md is checked against it.
import { announcementsLimits } from './limits/announcements.ts'
import { fleetLimits } from './limits/fleet.ts'
import { healthLimits } from './limits/health.ts'
import { historyLimits } from './limits/history.ts'
import { linksLimits } from './limits/links.ts'
import { machineLimits } from './limits/machine.ts'
import { reachabilityLimits } from './limits/reachability.ts'
import { swarmLimits } from './limits/swarm.ts'
import { trustLimits } from './limits/trust.ts'

export { DAY, HOUR, MINUTE, SECOND } from './limits/units.ts'

export const limits = {
  ...healthLimits,
  ...fleetLimits,
  ...historyLimits,
  ...trustLimits,
  ...linksLimits,
  ...reachabilityLimits,
  ...announcementsLimits,
  ...swarmLimits,
  ...machineLimits,
} as const

const relations: [string, boolean][] = [
  ['who was closed as surplus does not dial again at once', limits.surplusGrace < limits.linkProven],
  ['a record fits a gossip message', limits.recordBytes <= limits.gossipMessageBytes],
  [
    'the records of a full zone fit one RPC of gossip',
    limits.viewNodes * (limits.recordBytes + 64) <= limits.gossipRpcBytes,
  ],
  [
    'an announcement and its frame fit an answer',
    limits.syncAnnouncements * (limits.announcementBytes + 8) <= limits.syncBytes,
  ],
  ['a submission fits a request', 2 * (limits.announcementBytes + limits.rootBytes) + 1_024 <= limits.apiSubmitBytes],
  [
    'bodies leave streams of sync to other questions',
    limits.bodiesPerPeer < limits.inboundStreamsPerProtocol && limits.bodiesPerPeer <= limits.bodiesAtOnce,
  ],
  ['all beacons fit an answer', (limits.beaconKeys + 1) * (limits.beaconBytes + 8) <= limits.syncBytes],
  ['a piece list fits an answer', limits.pieces * 32 + 64 <= limits.syncBytes],
  ['a bitfield fits a message', limits.pieces / 8 + 80 <= limits.pieceControlBytes],
  ['pieces of every length add up', limits.pieceBytesMax % limits.pieceBytesMin === 0],
  [
    'suspicion comes before late, and late before down',
    limits.suspectAfterPromises < limits.lateAfterPromises && limits.lateAfterPromises < limits.downAfterPromises,
  ],
  ['a membership fits the gate', limits.membershipBytes * 2 + 512 <= limits.gateMessageBytes],
  [
    'addresses of a hole fit their message',
    limits.punchAddresses * (limits.addressLength + 3) + 64 <= limits.punchBytes,
  ],
  ['a hole and its gate fit a dial', limits.punchWindow + limits.addressDialTimeout < limits.dialTimeout],
  ['two addresses fit a dial', limits.addressDialTimeout * 2 <= limits.dialTimeout],
  ['a dial is over before it is forgotten', limits.dialTimeout + limits.gateTimeout < limits.dialForgotten],
  ['hello comes twice within the silence that ends a link', 2.2 * limits.helloPeriod < limits.linkSilence],
  [
    'the back-off of every contact is kept',
    limits.contactZones * limits.contactsPerZone + 2 * limits.contactsOfOwnZone + limits.connections <
      limits.dialPauses,
  ],
  ['a rival is judged within the gate', limits.rivalTimeout < limits.gateTimeout],
  ['the gate fits one address of a dial', limits.gateTimeout < limits.addressDialTimeout],
  ['an invite leaves room in a membership', limits.inviteBytes + 1_280 <= limits.membershipBytes],
  ['a page of rows fits an answer', limits.queryRows * (limits.recordBytes + 96) <= limits.queryBytes],
  ['a page of children fits an answer', limits.queryChildren * (limits.digestBytes + 256) <= limits.queryBytes],
  ['a page of ids fits a question', limits.syncMemberships * 18 <= limits.questionBytes],
  ['a page of memberships fits an answer', limits.syncMemberships * limits.membershipBytes <= limits.syncBytes],
  [
    'a zone at its bound keeps a believable promise',
    limits.viewNodes * limits.recordPeriodPerMember <= limits.recordPeriodMax,
  ],
  [
    'wanted links fit the kept ones',
    limits.mateLinksWanted <= limits.mateLinksMax && limits.outsideLinksWanted <= limits.outsideLinksShared,
  ],
  [
    'a crowd of links fits the connections, and the kept ones a crowd',
    limits.linksCrowded < limits.connections && limits.mateLinksMax + limits.relayLinksMax < limits.linksCrowded,
  ],
  ['a pulse that is missed is told before the next turn', limits.pulseTimeout < limits.pulsePeriod],
  ['the kinds of addresses fit a contact', limits.openAddresses + limits.relaysWanted < limits.addressesPerContact],
  [
    'a relayed address has its time within a dial',
    limits.addressesPerContact * limits.addressHeadStart + limits.relayHeadStart + limits.addressDialTimeout <=
      limits.dialTimeout,
  ],
  ['addresses through two relays leave room for our own', 2 * limits.relayAddresses < limits.addressesPerContact],
  ['a relay takes in no more than it keeps links for', limits.relayReservations <= limits.relayLinksMax],
  ['a stretch that is worth a patch has a sample in it', 1 / limits.patchSamples < 1 - limits.patchShare],
  ['a shared zone keeps fewer links', limits.outsideLinksShared <= limits.outsideLinksMax],
  ['all links fit the connections', limits.mateLinksMax + limits.outsideLinksMax < limits.connections],
]
for (const [relation, holds] of relations) if (!holds) throw new Error(`limits.ts contradicts itself: ${relation}`)
