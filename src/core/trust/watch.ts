// Watch: what happens beside every judgement of an announcement, targets or a root: the audit, the budget of who brought it, and
// what is known to be bad.
import type { Millis, NodeId } from '../env.ts'
import type { RefusalCode } from '../events.ts'
import type { Head } from './announcement.ts'
import type { Audit, AuditSubject } from './audit.ts'
import type { KnownBad } from './known-bad.ts'
import type { Blame, Misconduct } from './misconduct.ts'

export class Watch {
  readonly knownBad: KnownBad
  readonly #audit: Audit
  readonly #misconduct: Misconduct

  constructor(parts: { audit: Audit; knownBad: KnownBad; misconduct: Misconduct }) {
    this.knownBad = parts.knownBad
    this.#audit = parts.audit
    this.#misconduct = parts.misconduct
  }

  accepted(subject: AuditSubject, from: NodeId | undefined, now: Millis): void {
    this.#audit.accepted(subject, from, now)
  }

  refused(subject: AuditSubject, from: NodeId | undefined, code: RefusalCode, now: Millis): void {
    this.#audit.refused(subject, from, code, now)
  }

  /** What a peer gave or told of was refused. */
  blamed(from: NodeId, blame: Blame, now: Millis): void {
    this.#misconduct.add(from, blame, now)
  }
}

export function announcementSubject({ role, epoch, version, hash }: Head): AuditSubject {
  return { kind: 'announcement', role, epoch, version, hash }
}

/** Of targets, or of a root. */
export function documentSubject(
  kind: 'targets' | 'root',
  { signed: { version }, hash }: { signed: { version: number }; hash: string },
): AuditSubject {
  return { kind, role: undefined, epoch: undefined, version, hash }
}
