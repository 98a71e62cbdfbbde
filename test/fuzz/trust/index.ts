// All that reads or judges what a stranger says about trust.
import type { Target } from '../fuzzer.ts'
import { beaconsTarget, beaconTarget } from './beacons.ts'
import { announcementTarget, rootTarget, targetsTarget } from './documents.ts'
import { headTarget, helloTarget } from './heads.ts'
import { credentialTarget, inviteTarget, membershipTarget, tokenTarget } from './members.ts'
import { registersTarget } from './registers.ts'
import { requestTarget } from './requests.ts'
import { statementsTarget, statementTarget } from './statements.ts'

export const trustTargets: readonly Target[] = [
  rootTarget,
  targetsTarget,
  announcementTarget,
  registersTarget,
  statementTarget,
  statementsTarget,
  beaconTarget,
  beaconsTarget,
  requestTarget,
  membershipTarget,
  credentialTarget,
  inviteTarget,
  tokenTarget,
  headTarget,
  helloTarget,
]
