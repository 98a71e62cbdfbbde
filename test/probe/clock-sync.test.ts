// What counts as evidence that the wall clock is right, and for how long.
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { ClockSync } from '../../src/probe/clock-sync.ts'
import { Reader } from '../../src/probe/reader.ts'
import { FakePlatform, Machine } from './fake-platform.ts'

const drift = 'var/lib/chrony/chrony.drift'
let machine: Machine
let platform: FakePlatform
beforeEach(() => {
  machine = new Machine()
  platform = new FakePlatform()
})
afterEach(() => machine.dispose())

const open = () => new ClockSync(new Reader(machine.root), platform)

/** chrony writes its drift file; the date is whatever the doubtful clock shows. */
function chronyWrites(seconds: number) {
  machine.write(drift, '1.0 0.1\n')
  utimesSync(join(machine.root, drift), seconds, seconds)
}

test('systemd-timesyncd: its folder says that it runs, its file that it has synchronised', () => {
  const clock = open()
  expect(clock.read().node_timex_sync_status).toBeNull()
  machine.write('run/systemd/timesync/.keep', '')
  expect(clock.read().node_timex_sync_status).toBe(0)
  machine.write('run/systemd/timesync/synchronized', '')
  expect(clock.read().node_timex_sync_status).toBe(1)
  machine.remove('run/systemd/timesync')
  expect(clock.read().node_timex_sync_status).toBeNull()
})

test('a drift file is evidence only when it changed while we watched, and only for a while', () => {
  chronyWrites(2_000_000_000)
  const clock = open()
  expect(clock.read().node_timex_sync_status).toBeNull()
  chronyWrites(1_000_000_000)
  expect(clock.read().node_timex_sync_status).toBe(1)
  platform.time += limits.driftFileBelief
  expect(clock.read().node_timex_sync_status).toBe(1)
  platform.time += 1
  expect(clock.read().node_timex_sync_status).toBeNull()
  chronyWrites(1_000_003_600)
  expect(clock.read().node_timex_sync_status).toBe(1)
})

test('a drift file that appears is no evidence yet: it may be older than this boot', () => {
  const clock = open()
  chronyWrites(1_000_000_000)
  expect(clock.read().node_timex_sync_status).toBeNull()
})
