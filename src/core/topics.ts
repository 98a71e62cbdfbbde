// The topics of gossip (protocol clause TOPICS).

/** The gossip topic of the heads of announcements, for the whole mesh. */
export function announcementTopic(mesh8: string): string {
  return `/pimesh/1/${mesh8}/ann`
}

/** The gossip topic of the digests of an inner zone's children. */
export function digestTopic(mesh8: string, zone: string): string {
  return `/pimesh/1/${mesh8}/dig${zone}`
}

/** The gossip topic of a leaf zone's records. */
export function recordTopic(mesh8: string, zone: string): string {
  return `/pimesh/1/${mesh8}/rec${zone}`
}
