// Whether nodes would take a document, and why not: decided by the code that decides it on a node (clauses ROOT 5, ANN 10 and 11,
// STATEMENT 2), never by another one.
import type { Millis } from '../core/env.ts'
import type { RefusalCode } from '../core/events.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { epochOf, walkRoots } from '../core/trust/roots.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import { dateText } from '../wire/fields.ts'
import type { FileContent, LoneDocument } from './document-file.ts'
import { boundOf, type Ground, targetsKeeper } from './ground.ts'
import { judgeAnnouncement, judgeStatement } from './judge-registers.ts'
import { anotherText, foreignText, type Verdict, verdictOf } from './verdict.ts'

const env = { verifyStrict }
/** Roots after the first, and targets, do not say of which mesh they are. */
const ELSEWHERE = 'it may be of another mesh'

/** What a file holds, as a node would judge it that holds the ground. `document`: that of a request is the one to be signed. */
export interface Judged {
  subject: LoneDocument
  verdict: Verdict
  /** The ground, with what a request brought. */
  ground: Ground
}

/** @param now wall time in ms. */
export function judgeContent(content: FileContent, ground: Ground, now: Millis): Judged {
  if (content.kind !== 'request') return { subject: content, ground, verdict: judgeLone(content, ground, now) }
  const { request } = content
  const subject = { kind: request.kind, document: request.document } as LoneDocument
  const refused = (code: RefusalCode, reason: string): Judged => ({
    ...{ subject, ground },
    verdict: { verdict: 'refused', code, reason, quorums: [], signatures: [] },
  })
  if (request.mesh !== ground.mesh) return refused('foreignMesh', foreignText(request.mesh, ground))
  const { root, problem, accepted, refused: why } = walkRoots(ground.root, request.roots, { mesh: ground.mesh }, env)
  const [asked, own] = [request.root.signed.version, ground.root.signed.version]
  if (why !== undefined)
    return refused(
      why.code,
      asked < own
        ? `it was prepared under version ${asked} of the root, and ${own} is in force: prepare it again`
        : `its roots do not follow those of ${ground.name} (${problem})`,
    )
  const walked = { ...ground, root: root ?? ground.root, roots: [...ground.roots, ...accepted] }
  const keeper = targetsKeeper(walked)
  const offered = request.targets
  const isNewer = offered !== undefined && keeper.problem(offered) === undefined
  const judgedBy = { ...walked, targets: isNewer ? offered : keeper.current }
  return { subject, ground: judgedBy, verdict: judgeLone(subject, judgedBy, now) }
}

function judgeLone(content: LoneDocument, ground: Ground, now: Millis): Verdict {
  switch (content.kind) {
    case 'root':
      // One whose place was taken is judged by no date.
      if (ground.roots.slice(0, -1).some(({ hash }) => hash === content.document.hash))
        return judgeRoot(content.document, ground)
      return current(judgeRoot(content.document, ground), content, ground, now)
    case 'targets':
      return current(judgeTargets(content.document, ground), content, ground, now)
    case 'announcement':
      return current(judgeAnnouncement(content.document, ground), content, ground, now)
    case 'statement':
      return judgeStatement(content.document, ground)
  }
}

/** Expiry never decides what is taken (clauses ROOT 8 and ANN 15); it says what comes of it. */
function current(
  verdict: Verdict,
  { kind, document }: Exclude<LoneDocument, { kind: 'statement' }>,
  ground: Ground,
  now: Millis,
): Verdict {
  if (verdict.verdict !== 'accepted') return verdict
  const time = Math.max(now, boundOf(ground))
  const over = (expires: Millis | undefined) => expires !== undefined && expires < time
  const targets = kind === 'announcement' ? ground.targets?.signed.expires : undefined
  if (!over(document.signed.expires) && !over(targets)) return verdict
  const what = over(document.signed.expires) ? 'it' : 'the targets document that delegates its role'
  const end = over(document.signed.expires) ? document.signed.expires : (targets as Millis)
  const then = kind === 'root' ? 'warn of it until a newer one comes' : 'begin to install nothing of it'
  const reason = `${what} expired on ${dateText(end).slice(0, 10)}: nodes take it, and ${then}`
  return { ...verdict, verdict: 'expired', code: 'expired', reason }
}

function judgeRoot(document: RootDocument, ground: Ground): Verdict {
  const { version } = document.signed
  const before = ground.roots.find(({ signed }) => signed.version === version - 1)
  const allowed = [...(before === undefined ? [] : [before]), document].map(({ signed }) => ({
    ...{ name: `the root keys of version ${signed.version}`, role: signed.roles.root, keys: signed.keys },
  }))
  const newest = ground.root.signed.version
  const isKnown = ground.roots.some(({ hash }) => hash === document.hash)
  // What is known is judged by who does not have it, or nobody would look at its signatures. Version 1 follows nothing: it is the mesh.
  const held = isKnown || version === 1 ? before : ground.root
  const { problem, refused } = walkRoots(held, [document], { mesh: ground.mesh }, env)
  if (refused === undefined) {
    const known = version === newest ? `it is the newest root of ${ground.name}` : `version ${newest} took its place`
    return verdictOf(document, allowed, { reason: isKnown ? known : `it follows version ${newest} of ${ground.name}` })
  }
  const next = `root version ${newest + 1} is missing, and no version may be skipped: check that one first`
  const reasons: Partial<Record<RefusalCode, string | undefined>> = {
    bodyMissing: next,
    foreignMesh: foreignText(document.hash, ground),
    oldVersion: problem,
  }
  return verdictOf(document, allowed, { code: refused.code, reason: reasons[refused.code], hint: ELSEWHERE })
}

/** Versions of another epoch say nothing about each other. */
function isSameVersion({ signed }: TargetsDocument, held: TargetsDocument | undefined): boolean {
  return held !== undefined && epochOf(held.signed) === epochOf(signed) && held.signed.version === signed.version
}

function judgeTargets(document: TargetsDocument, ground: Ground): Verdict {
  const { keys, roles } = ground.root.signed
  const allowed = [{ name: 'the role "targets"', role: roles.targets, keys }]
  const held = ground.targets
  const isKnown = held?.hash === document.hash
  const code = targetsKeeper(ground).problem(document)
  const newest = held?.signed.version ?? 0
  if (code === undefined) {
    const known = `it is the newest targets document of ${ground.name}`
    const fresh =
      newest === 0
        ? 'it is the first one here'
        : isSameVersion(document, held)
          ? anotherText(newest)
          : `it comes after version ${newest}`
    return verdictOf(document, allowed, { reason: isKnown ? known : fresh })
  }
  const [epoch, wanted] = [epochOf(document.signed), epochOf({ epoch: ground.root.signed.targetsEpoch })]
  if (code !== 'badSignature' && epoch !== wanted) {
    const advice = epoch > wanted ? ': a newer root has to come first' : ', so it never counts again'
    const reason = `it is of epoch ${epoch} of targets, and the root is in epoch ${wanted}${advice}`
    return verdictOf(document, allowed, { code, reason, hint: ELSEWHERE })
  }
  const reason =
    newest === document.signed.version
      ? `another one of version ${newest} is held, and of two the one with the lower hash counts`
      : `version ${newest} is held, and nothing older is taken again`
  return verdictOf(document, allowed, { code, reason: code === 'oldVersion' ? reason : undefined, hint: ELSEWHERE })
}
