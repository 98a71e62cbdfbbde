// All commands, in the order of the help: from a new mesh to daily use.
import { attach } from './attach.ts'
import { demo } from './demo.ts'
import { doctor } from './doctor.ts'
import { events } from './events.ts'
import type { Command } from './frame/command.ts'
import { get } from './get.ts'
import { history } from './history.ts'
import { init } from './init.ts'
import { invite } from './invite.ts'
import { join } from './join.ts'
import { keys } from './keys.ts'
import { leave } from './leave.ts'
import { nodes } from './nodes.ts'
import { publish } from './publish.ts'
import { query } from './query.ts'
import { releases } from './releases.ts'
import { rollout } from './rollout.ts'
import { sign } from './sign.ts'
import { status } from './status.ts'
import { top } from './top.ts'
import { trust } from './trust.ts'
import { up } from './up.ts'
import { zones } from './zones.ts'

export const commands: readonly Command[] = [
  ...[init, invite, join, up, attach],
  ...[nodes, get, history, zones, query, top],
  ...[publish, sign, releases, rollout, events, trust],
  ...[status, doctor, keys, leave, demo],
]
