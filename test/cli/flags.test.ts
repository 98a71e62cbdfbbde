// The demo and systemd start daemons with Node itself, without the first line of bin/pimesh.js: with the same flags.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DAEMON_FLAGS } from '../../src/cli/demo/fleet.ts'
import { FLAGS } from '../fixtures/flags.ts'

it('the daemons of the demo run as those of a person', () => {
  expect(FLAGS.length).toBeGreaterThan(1)
  expect(DAEMON_FLAGS).toEqual(FLAGS)
})

it('the daemon of systemd does', () => {
  const unit = readFileSync(new URL('../../config/pimesh.service', import.meta.url), 'utf8')
  const [, flags = ''] = /^ExecStart=\/usr\/bin\/node (.*?) \/usr\//m.exec(unit) ?? []
  expect(flags.split(' ')).toEqual(FLAGS)
})
