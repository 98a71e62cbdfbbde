// What runs beside the samples: the under-voltage watch and the two programs, driven by hand instead of by time.
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { Probe } from '../../src/ports/probe.ts'
import { openProbe } from '../../src/probe/probe.ts'
import { FakePlatform, Machine } from './fake-platform.ts'

const alarm = 'sys/class/hwmon/hwmon1/in0_lcrit_alarm'
let machine: Machine
let platform: FakePlatform
let probe: Probe

async function open(board?: 'pi4' | 'x86', prepare: () => void = () => undefined) {
  machine = new Machine(board)
  platform = new FakePlatform()
  platform.outputs = { vcgencmd: 'throttled=0x8\n', systemctl: '1\n' }
  prepare()
  probe = await openProbe({ root: machine.root, dataFolder: '/data', platform })
  await platform.settled()
}

afterEach(() => {
  probe.close()
  machine.dispose()
})

async function metrics() {
  return (await probe.sample({ signal: new AbortController().signal })).metrics
}

/** The alarm file shows `value`, and the watch looks. */
function shows(value: string) {
  machine.write(alarm, value)
  platform.fire(limits.undervoltagePeriod)
}

test('every rise of the alarm between two samples is counted, and its length is not', async () => {
  await open('pi4')
  for (const value of ['1\n', '1\n', '0\n', '1\n', '0\n', '0\n', '1\n', '0\n']) shows(value)
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: 3, node_hwmon_in_lcrit_alarm_volts: 0 })
})

test('a rise that the sample sees first is counted once', async () => {
  await open('pi4')
  machine.write(alarm, '1\n')
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: 1, node_hwmon_in_lcrit_alarm_volts: 0.001 })
  platform.fire(limits.undervoltagePeriod)
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: 1, node_hwmon_in_lcrit_alarm_volts: 0.001 })
})

test('an odd alarm file is no alarm, no rise and not zero', async () => {
  await open('pi4')
  for (const value of ['', 'x\n', '2\n', '0\n', '', '0\n']) shows(value)
  shows('?')
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: 0, node_hwmon_in_lcrit_alarm_volts: null })
})

test('without the sensor there is no watch; it begins when a driver brings the sensor', async () => {
  await open('x86')
  expect(platform.periods).not.toContain(limits.undervoltagePeriod)
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: null, node_hwmon_in_lcrit_alarm_volts: null })
  machine.write('sys/class/hwmon/hwmon1/name', 'rpi_volt\n')
  machine.write(alarm, '0\n')
  platform.fire(limits.sensorSearchPeriod)
  shows('1\n')
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: 1, node_hwmon_in_lcrit_alarm_volts: 0.001 })
  machine.remove('sys/class/hwmon/hwmon1')
  platform.fire(limits.sensorSearchPeriod)
  expect(platform.periods).not.toContain(limits.undervoltagePeriod)
  expect(await metrics()).toMatchObject({ rpi_undervoltage_total: null, node_hwmon_in_lcrit_alarm_volts: null })
})

test('programs run once at start and once in their period, whatever number of samples is taken', async () => {
  await open('pi4')
  for (let i = 0; i < 5; i++) await metrics()
  expect(platform.recordRuns).toHaveLength(2)
  platform.fire(limits.throttledPeriod)
  await platform.settled()
  expect(platform.recordRuns.map(({ args }) => args[0])).toEqual(['get_throttled', 'show', 'get_throttled'])
})

test('the last answer is shown while it is young, then null', async () => {
  await open('pi4')
  platform.outputs = {}
  expect(await metrics()).toMatchObject({ rpi_throttled: 8, node_systemd_units_failed: 1 })
  for (let i = 0; i < limits.commandBelievedPeriods; i++) platform.fire(limits.throttledPeriod)
  await platform.settled()
  expect(await metrics()).toMatchObject({ rpi_throttled: 8 })
  platform.time += 1
  expect(await metrics()).toMatchObject({ rpi_throttled: null, node_systemd_units_failed: 1 })
  platform.time += limits.failedUnitsPeriod * limits.commandBelievedPeriods
  expect(await metrics()).toMatchObject({ node_systemd_units_failed: null })
})

test.each([
  ['', ''],
  ['VCHI initialization failed\n', 'System has not been booted with systemd\n'],
  ['throttled=0x\n', '-1\n'],
  ['throttled=0x123456789\n', '1 2\n'],
])('an odd answer (%j, %j) is null', async (vcgencmd, systemctl) => {
  await open('pi4', () => {
    platform.outputs = { vcgencmd, systemctl }
  })
  expect(await metrics()).toMatchObject({ rpi_throttled: null, node_systemd_units_failed: null })
})

test('a program that does not end is not started again, and closing ends it', async () => {
  await open('pi4', () => {
    const { run } = platform
    platform.run = (...call) => {
      void run(...call).catch(() => undefined)
      return new Promise(() => undefined)
    }
  })
  for (let i = 0; i < 3; i++) platform.fire(limits.throttledPeriod)
  expect(platform.recordRuns).toHaveLength(2)
  expect(platform.recordRuns.map(({ signal }) => signal.aborted)).toEqual([false, false])
  probe.close()
  expect(platform.recordRuns.map(({ signal }) => signal.aborted)).toEqual([true, true])
})

test('a service manager that does not run is not asked', async () => {
  await open('pi4', () => machine.remove('run/systemd/system'))
  expect(platform.recordRuns.map(({ args }) => args[0])).toEqual(['get_throttled'])
})

test('closing leaves no timer', async () => {
  await open('pi4')
  const { undervoltagePeriod, throttledPeriod, failedUnitsPeriod, sensorSearchPeriod } = limits
  const others = platform.periods.filter((period) => period !== limits.firmwarePeriod)
  expect(platform.periods.length - others.length).toBe(4)
  expect(others).toEqual([undervoltagePeriod, throttledPeriod, failedUnitsPeriod, sensorSearchPeriod])
  probe.close()
  expect(platform.periods).toEqual([])
})
