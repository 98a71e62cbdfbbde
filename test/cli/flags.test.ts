// The demo starts its daemons with Node itself, without bin/pimesh.js: with the same flags.
import { expect, it } from 'vitest'
import { DAEMON_FLAGS } from '../../src/cli/demo/fleet.ts'
import { FLAGS } from '../fixtures/flags.ts'

it('the daemons of the demo run as those of a person', () => {
  expect(FLAGS.length).toBeGreaterThan(1)
  expect(DAEMON_FLAGS).toEqual(FLAGS)
})
