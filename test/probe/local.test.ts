// What is measured beside the record: exact values of three boards, worked out by hand from the files in test/fixtures/probe.
import { describe, expect, it } from 'vitest'
import { LOCAL_METRICS } from '../../src/core/fleet/local-metrics.ts'
import { type NamedValue, seriesId } from '../../src/core/fleet/named-values.ts'
import { limits } from '../../src/core/limits.ts'
import { openProbe } from '../../src/probe/probe.ts'
import { type Board, boardFolder, boards, FakePlatform, Machine } from './fake-platform.ts'

const outputs = {
  'vcgencmd measure_volts core': 'volt=0.8500V\n',
  'vcgencmd measure_clock arm': 'frequency(0)=1500398464\n',
  'vcgencmd measure_clock emmc': 'frequency(47)=200000992\n',
  'vcgencmd measure_temp pmic': "temp=42.3'C\n",
  'vcgencmd pmic_read_adc':
    '   3V7_WL_SW_A current(0)=0.00097594A\n   3V3_SYS_A current(1)=0.03708574A\n     EXT5V_V volt(24)=5.15140000V\n      BATT_V volt(25)=0.00000000V\n',
}

async function more(root: string, set: Record<string, string> = {}) {
  const platform = new FakePlatform()
  platform.outputs = set
  const probe = await openProbe({ root, dataFolder: '/data', platform })
  await platform.settled()
  const sample = async () => (await probe.sample({ signal: new AbortController().signal })).more
  const found = await sample()
  probe.close()
  return { found, sample, platform }
}

const shown = (values: readonly NamedValue[]) => Object.fromEntries(values.map((one) => [seriesId(one), one.value]))

describe('what is measured beside the record', () => {
  it('on a Raspberry Pi 4', async () => {
    const { found } = await more(boardFolder('pi4'), outputs)
    expect(shown(found)).toEqual({
      node_vmstat_pgmajfault: 3311,
      node_procs_running: 2,
      node_procs_blocked: 0,
      node_forks_total: 48_211,
      node_boot_time_seconds: 1_760_000_000,
      node_filefd_allocated: 1632,
      'node_wifi_station_signal_dbm{device="wlan0"}': -48,
      'node_network_carrier_changes_total{device="eth0"}': 3,
      'node_network_carrier_changes_total{device="wlan0"}': 17,
      'node_hwmon_temp_celsius{chip="cpu_thermal",sensor="temp1"}': 48.312,
      'node_watchdog_bootstatus{name="watchdog0"}': 32,
      rpi_core_volts: 0.85,
      'rpi_clock_hertz{clock="arm"}': 1_500_398_464,
      'rpi_clock_hertz{clock="emmc"}': 200_000_992,
      rpi_pmic_temp_celsius: 42.3,
    })
  })

  it('on a Raspberry Pi 5: rails, a fan, an eMMC that has had its life', async () => {
    const { found } = await more(boardFolder('pi5'), outputs)
    expect(shown(found)).toMatchObject({
      node_filefd_maximum: 524_288,
      'node_hwmon_temp_celsius{chip="rp1_adc",sensor="temp1"}': 55.472,
      'node_hwmon_fan_rpm{chip="pwmfan",sensor="fan1"}': 3022,
      'node_cooling_device_cur_state{name="0",type="pwm-fan"}': 2,
      'node_cooling_device_max_state{name="0",type="pwm-fan"}': 4,
      'mmc_life_used_ratio{area="a",device="mmcblk0"}': 0.1,
      'mmc_life_used_ratio{area="b",device="mmcblk0"}': 1.1,
      'mmc_pre_eol_level{device="mmcblk0"}': 2,
      'rpi_rail_amperes{rail="3V7_WL_SW"}': 0.00097594,
      'rpi_rail_amperes{rail="3V3_SYS"}': 0.03708574,
      'rpi_rail_volts{rail="EXT5V"}': 5.1514,
      'rpi_rail_volts{rail="BATT"}': 0,
      process_threads: 12,
    })
  })

  it('on a Raspberry Pi Zero 2: no programs, a weak radio', async () => {
    const { found, platform } = await more(boardFolder('pi-zero-2'))
    expect(shown(found)).toMatchObject({
      node_vmstat_pgmajfault: 90_012,
      'node_wifi_station_signal_dbm{device="wlan0"}': -91,
      'node_network_carrier_changes_total{device="wlan0"}': 250,
    })
    expect(found.some(({ name }) => name.startsWith('rpi_'))).toBe(false)
    expect(platform.runs).toEqual([])
  })

  it.each<[Board, string[]]>([
    ['pi5', ['measure_clock', 'measure_clock', 'measure_temp', 'measure_volts', 'pmic_read_adc']],
    ['pi4', ['measure_clock', 'measure_clock', 'measure_temp', 'measure_volts']],
    ['x86', []],
  ])('asks the firmware of a %s only what it knows', async (board, questions) => {
    const { platform } = await more(boardFolder(board), outputs)
    const asked = platform.runs.map(({ args }) => args[0]).filter((word) => /^(measure|pmic)/.test(word ?? ''))
    expect(asked.sort()).toEqual(questions)
  })

  it('forgets what the firmware does not say any more', async () => {
    const { found, sample, platform } = await more(boardFolder('pi4'), outputs)
    expect(shown(found)).toHaveProperty('rpi_core_volts')
    platform.time += limits.commandBelievedPeriods * limits.firmwarePeriod + 1
    expect(shown(await sample())).not.toHaveProperty('rpi_core_volts')
  })

  it.each(boards)('of a %s is in the table, with its labels in order of name, and each series once', async (board) => {
    const { found } = await more(boardFolder(board), outputs)
    const table = new Map(LOCAL_METRICS.map((metric) => [metric.name as string, metric]))
    for (const { name, labels, unit, kind } of found)
      expect(table.get(name)).toMatchObject({ labels: labels.map(([label]) => label), unit, kind })
    expect(new Set(found.map(seriesId)).size).toBe(found.length)
    for (const { labels } of LOCAL_METRICS) expect([...labels]).toEqual([...labels].sort())
  })

  it('is nothing where files are missing, odd or folders, and costs only itself', async () => {
    const machine = new Machine('pi5')
    machine.write('/proc/vmstat', 'pswpin -1\npswpout x\npgfault 7\n')
    machine.write('/sys/block/mmcblk0/device/life_time', '0x00 0x0c')
    machine.write('/sys/block/mmcblk0/device/pre_eol_info', 'none')
    machine.write('/proc/net/wireless', ' wlan0: 0000   62.  70.  0 0 0\n garbage\n')
    machine.replaceByFolder('/sys/class/hwmon/hwmon2/fan1_input')
    machine.write('/sys/class/hwmon/hwmon0/temp1_input', 'hot')
    const { found } = await more(machine.root, {
      'vcgencmd measure_volts core': 'error=1 error_msg="Command not registered"',
    })
    machine.dispose()
    const values = shown(found)
    expect(values).toMatchObject({
      node_vmstat_pgfault: 7,
      'node_hwmon_temp_celsius{chip="rp1_adc",sensor="temp1"}': 55.472,
    })
    const names = found.map(({ name }) => name)
    for (const name of [
      'node_vmstat_pswpin',
      'mmc_life_used_ratio',
      'mmc_pre_eol_level',
      'node_wifi_station_signal_dbm',
      'node_hwmon_fan_rpm',
      'rpi_core_volts',
    ])
      expect(names).not.toContain(name)
  })
})
