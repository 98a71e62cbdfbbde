// Refusal codes in words: what `refusals`, the audit and a refused submission say to people.

/** What the codes in `refusals` mean, for people (docs/protocol.md, REFUSALS). A newer daemon may count more. */
const REFUSALS: Readonly<Record<string, string>> = {
  noMembership: 'no membership that can be read was shown',
  foreignMesh: 'it belongs to another mesh',
  wrongNode: 'the membership is of another node than the one that shows it',
  unknownEnroller: 'its invite is not signed by an enrol key of the mesh',
  outsideGrant: 'it claims more than its invite grants',
  expired: 'the membership has ended',
  inviteExpired: 'the invite had ended before any member met the node',
  badSignature: 'a signature is wrong',
  badCountersignature: 'the member that is said to have met it did not sign so',
  seatTaken: 'another node holds its seat of the invite',
  alreadyLinked: 'a node with the same key is linked and answers',
  wrongTopic: 'a message came on a topic where it does not belong',
  wrongKind: 'a message is of a kind that this version does not know',
  oldRecord: 'a record is older than the one that is held',
  unknownMembership: 'the author of a record is not known yet',
  malformed: 'a message cannot be read',
  tooOften: 'a node sent or asked for more than it may',
  viewFull: 'the zone has more nodes than the view holds',
  unknownRole: 'an announcement is of a role that is not delegated',
  wrongEpoch: 'an announcement is of a newer epoch than the delegations that are held',
  oldVersion: 'it is older than what was accepted before',
  keysRotated: 'an announcement is signed by keys that its role has rotated out',
  roleEnded: 'the role of an announcement has ended itself',
  outsidePaths: 'an announcement names a path that its role may not announce',
  bodyMissing: 'an announcement was told of and not given',
  diskFailed: 'it could not be written to the disk here',
  badPiece: 'a piece is not what the publisher signed',
  unasked: 'a piece came that nobody asked for',
  revoked: 'the node, or the invite that it joined with, is revoked',
  wrongDay: 'a reporter takes it to be another day',
  misbehaved: 'it gave or told of too much that was refused, and is kept out for a while',
}

/** `it belongs to another mesh (foreignMesh)`; a code alone where this version has no words for it. */
export function refusalText(code: string): string {
  return Object.hasOwn(REFUSALS, code) ? `${REFUSALS[code]} (${code})` : code
}
