// Whether nodes would take an announcement or an enrolment statement: both stand in registers, and are judged beside what is held of
// their role or key.
import type { RefusalCode } from '../core/events.ts'
import { type AnnouncementDocument, orderOf } from '../core/trust/announcement.ts'
import type { Delegation } from '../core/trust/documents.ts'
import { Registers, type Terms } from '../core/trust/registers.ts'
import { chainHolds, signersAfter } from '../core/trust/rotations.ts'
import { type StatementDocument, standingOf } from '../core/trust/statement.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import type { Ground } from './ground.ts'
import { shortKey } from './signing-request.ts'
import { anotherText, foreignText, type Verdict, verdictOf } from './verdict.ts'

const env = { verifyStrict }

export function judgeAnnouncement(document: AnnouncementDocument, ground: Ground): Verdict {
  const { signed } = document
  const delegation = ground.targets?.signed.roles.find(({ name }) => name === signed.role)
  const keys = ground.targets?.signed.keys ?? new Map()
  const { rotations = [] } = signed
  const signers = signersAfter({ keyIds: [], threshold: 1, ...delegation, keys }, rotations)
  const name = `the role "${signed.role}"${rotations.length === 0 ? '' : ' by its own rotations'}`
  const allowed = delegation === undefined ? [] : [{ name, role: signers, keys: signers.keys }]
  const terms: Terms = { mesh: ground.mesh, delegation, keys, env }
  const held = ground.announcements.filter((one) => one.signed.role === signed.role)
  const isKnown = held.some(({ hash }) => hash === document.hash)
  // What is known is judged by who does not have it, or nobody would look at its signatures.
  const standing = registersOf(isKnown ? [] : held, terms).judge(document, terms)
  const before = held[0]?.signed.version
  if (standing === 'newer' || standing === 'same') {
    const fresh = before === undefined ? 'it is the first one here' : `it comes after version ${before}`
    return verdictOf(document, allowed, { reason: isKnown ? `it is the newest one of ${ground.name}` : fresh })
  }
  const reason = announcementReason(standing, document, { ground, delegation, before })
  // As a node tells a publisher that hands it in: one more of this version would freeze the role.
  return verdictOf(document, allowed, { code: standing === 'rival' ? 'oldVersion' : standing, reason })
}

/** Those of a node that has accepted these. */
function registersOf(held: readonly AnnouncementDocument[], terms: Terms): Registers {
  const registers = new Registers(held.map(({ signed }) => ({ role: signed.role, ...orderOf(signed) })))
  registers.restore(held.map((announcement) => ({ side: 'held', announcement })))
  registers.rejudge(() => terms)
  return registers
}

function announcementReason(
  standing: string,
  { signed }: AnnouncementDocument,
  { ground, delegation, before }: { ground: Ground; delegation: Delegation | undefined; before: number | undefined },
): string | undefined {
  const role = `the role "${signed.role}"`
  const epoch = delegation?.epoch ?? 0
  const delegatedKeys = ground.targets?.signed.keys ?? new Map()
  const named = ground.targets?.signed.roles.map(({ name }) => `"${name}"`).join(', ')
  switch (standing) {
    case 'foreignMesh':
      return foreignText(signed.mesh, ground)
    case 'unknownRole':
      return ground.targets === undefined
        ? `no targets document that says who may publish is known to ${ground.name}: give one with --targets`
        : `version ${ground.targets.signed.version} of the targets document knows no role "${signed.role}", only ${named || 'none'}`
    case 'wrongEpoch':
      return `it is of epoch ${signed.epoch}, and ${role} is in epoch ${epoch}: newer targets have to come first`
    case 'rival':
      return `another announcement of version ${signed.version} is in ${ground.name}: two of one version freeze the role`
    case 'outsidePaths':
      return `${role} may announce ${delegation?.paths.join(', ')} only, and it names ${signed.releases.map(({ path }) => path).join(', ')}`
    case 'keysRotated':
      return `${role} has changed its keys itself since, and nothing that those of before sign is taken again`
    case 'roleEnded':
      return `${role} has ended itself, and nothing of this epoch is taken again`
    case 'badSignature':
      return delegation === undefined || chainHolds(signed.rotations ?? [], { ...delegation, keys: delegatedKeys }, env)
        ? undefined
        : `a change of keys in it is not signed by those that ${role} had before`
    case 'oldVersion':
      return signed.epoch < epoch
        ? `it is of epoch ${signed.epoch}, and ${role} is in epoch ${epoch}: nothing of an older one counts any more`
        : `version ${before} was accepted before, and nothing older is taken again`
    default:
      return undefined
  }
}

export function judgeStatement(document: StatementDocument, ground: Ground): Verdict {
  const { signed } = document
  const { root, mesh } = ground
  const name = `the enrol key ${shortKey(signed.enroller)}`
  const isListed = root.signed.keys.has(signed.enroller)
  const role = { keyIds: isListed ? [signed.enroller] : [], threshold: 1 }
  const allowed = isListed ? [{ name: 'this statement', role, keys: root.signed.keys }] : []
  const newest = ground.statements.find((one) => one.signed.enroller === signed.enroller)
  const isKnown = newest?.hash === document.hash
  const standing = standingOf(document, isKnown ? undefined : newest, { mesh, root }, env)
  if (standing === 'accepted' || standing === 'same') {
    const { version = 0, epoch = 0 } = newest?.signed ?? {}
    const fresh =
      newest === undefined
        ? 'it is the first one of its key here'
        : version === signed.version && epoch === signed.epoch
          ? anotherText(version)
          : `it comes after version ${version}`
    return verdictOf(document, allowed, { reason: isKnown ? `it is the newest one of ${ground.name}` : fresh })
  }
  const { epoch, retired } = root.signed.enrolment
  const reasons: Partial<Record<RefusalCode, string>> = {
    badSignature: `its signature is not by ${name}, or it was altered since`,
    foreignMesh: foreignText(signed.mesh, ground),
    unknownEnroller: retired.includes(signed.enroller)
      ? `${name} is retired, and only the statement that root version ${root.signed.version} sealed counts`
      : `root version ${root.signed.version} knows no enrol key ${shortKey(signed.enroller)}`,
    wrongEpoch: `it is of epoch ${signed.epoch}, and the enrolment is in epoch ${epoch}: a newer root has to come first`,
    oldVersion:
      signed.epoch < epoch
        ? `it is of epoch ${signed.epoch}, and the enrolment is in epoch ${epoch}: nothing of an older one counts any more`
        : `version ${newest?.signed.version} of this key is held, and comes before it`,
  }
  return verdictOf(document, allowed, { code: standing, reason: reasons[standing] })
}
