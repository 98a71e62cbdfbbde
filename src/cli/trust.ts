// `pimesh trust`: who may do what in the mesh, who belongs to it, and for how long. Each of its commands is a file in trust/.
import { Failure } from '../core/failure.ts'
import type { Command } from './frame/command.ts'
import { addPublisher } from './trust/add-publisher.ts'
import { beacon } from './trust/beacon.ts'
import { check } from './trust/check.ts'
import { delegateZone } from './trust/delegate-zone.ts'
import { extend } from './trust/extend.ts'
import { policy } from './trust/policy.ts'
import { renew } from './trust/renew.ts'
import { revoke } from './trust/revoke.ts'
import { rotate } from './trust/rotate.ts'
import { show } from './trust/show.ts'
import { submit } from './trust/submit.ts'

const subcommands = [
  ...[show, check, revoke, extend, delegateZone, policy],
  ...[addPublisher, rotate, beacon, renew, submit],
]

export const trust: Command = {
  name: 'trust',
  summary: 'see and change who may publish, enrol and sign; take it back, or prolong it',
  usage: `${subcommands.map(({ name }) => name.split(' ')[1]).join('|')} ...`,
  details: subcommands.map(({ name, usage, summary }) => `pimesh ${name} ${usage}: ${summary}.`).join(' '),
  options: {},
  examples: subcommands.flatMap(({ examples }) => examples.slice(0, 1)),
  subcommands,
  async run() {
    const names = subcommands.map(({ name }) => `"pimesh ${name}"`).join(', ')
    throw new Failure('E_USAGE', `say what about it, with one of ${names}`)
  },
}
