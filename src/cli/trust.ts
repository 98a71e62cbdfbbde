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
import { rotateSelf } from './trust/rotate-self.ts'
import { show } from './trust/show.ts'
import { submit } from './trust/submit.ts'

const subcommands = [
  ...[show, check, revoke, extend, delegateZone, policy],
  ...[addPublisher, rotate, rotateSelf, beacon, renew, submit],
]

export const trust: Command = {
  name: 'trust',
  summary: 'see and change who may publish, enrol and sign; take it back, or prolong it',
  usage: 'COMMAND ...',
  details: 'Each of them has help of its own, as in "pimesh trust revoke --help".',
  options: {},
  examples: [
    ['pimesh trust show', 'who may do what, and what ends soon'],
    ['pimesh trust revoke pi-7', 'a board was stolen'],
    ["pimesh trust add-publisher acme --pub ed25519:9f86... --paths 'acme/*'", 'a publisher comes'],
    ['pimesh trust rotate acme --out-key 23a3713956c07591 --pub ed25519:9f86...', 'a publisher has a new key'],
  ],
  subcommands,
  async run() {
    const names = subcommands.map(({ name }) => name.slice('trust '.length)).join(', ')
    throw new Failure('E_USAGE', `say what about it, as in "pimesh trust revoke pi-7": it has ${names}`)
  },
}
