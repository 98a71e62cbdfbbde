import { describe, expect, it } from 'vitest'
import { isRate, MEASURES } from '../../src/core/fleet/metric-names.ts'
import { limits } from '../../src/core/limits.ts'
import { ROW_NAMES, rowCondition } from '../../src/wire/row-selector.ts'
import { resultOf, type Wish } from '../daemon/rows.ts'

const PI: Wish = {
  ...{ name: 'lab3-07', zone: '/uk/lab3', labels: { room: 'attic' }, status: 'late', age: 41_500, alerts: ['cloned'] },
  metrics: {
    ...{ node_thermal_zone_temp: 71.5, node_cpu_count: 4, node_load1: 2, node_systemd_units_failed: 0 },
    ...{ node_memory_MemTotal_bytes: 4e9, node_memory_MemAvailable_bytes: 1e9 },
    'node_cpu_seconds_total{mode="idle"}': 500,
  },
  flags: 1,
}

function matches(text: string, wish: Wish = PI): boolean {
  const { zones, memberships } = resultOf([wish])
  const [{ zone, rows }] = zones as [(typeof zones)[number]]
  const [row] = rows as [(typeof rows)[number]]
  return rowCondition(text)({ row, zone, membership: memberships.get(row.envelope.membership) })
}

describe('a condition on rows (clause CEL 6)', () => {
  it.each<[string, boolean]>([
    ['cpu_temp > 70', true],
    ['cpu_temp > 71.5', false],
    ['cpu_temp == 71.5 && cpu_temp - 1 > 70', true],
    ['units_failed == 0', true],
    ['units_failed != 0', false],
    ['mem_available < 0.3 && mem_used > 0.7', true],
    ['load1 == 0.5', true],
    ['cpus == 4 && load1 * cpus == 2', true],
    ['labels.room == "attic"', true],
    ['status in ["late", "down"] && age > 40', true],
    ['"cloned" in alerts && "clockTrusted" in flags', true],
    ['"node" in capabilities', true],
    ['zone.startsWith("/uk") && name.endsWith("07") && node != ""', true],
    ['metrics["node_cpu_seconds_total{mode=\\"idle\\"}"] == 500', true],
    ['has(metrics.cpu_temp) && metrics.cpu_temp > 70', true],
  ])('%s: %s', (text, holds) => expect(matches(text)).toBe(holds))

  it.each([
    'cpu_freq > 0',
    'cpu_freq < 0',
    '!(cpu_freq > 0)',
    'cpu_freq != 1',
    'labels.rack != "x"',
    'metrics["cpu_freq"] < 1',
  ])('%s does not match a row that does not say', (text) => expect(matches(text)).toBe(false))

  it('knows every short name that one record has a value for, and no rate', () => {
    const known = MEASURES.filter(({ name }) => Object.hasOwn(ROW_NAMES, name))
    expect(known).toEqual(MEASURES.filter((measure) => !isRate(measure)))
  })

  it.each<[string, number | undefined, RegExp]>([
    ['cpu_tmp > 70', 1, /at character 1: "cpu_tmp" is not known of a row .*did you mean "cpu_temp"\?$/],
    ['status == "up" && roof == 1', 19, /at character 19: "roof" is not known .*labels\.roof.*\.$/],
    ['cpu_temp > 70 &&', 17, /at character 17: it ends too early\.$/],
    ['cpu_temp', undefined, /a value \(double\), not a condition/],
    ['cpu_busy > 0.5', 1, /what counters grow by, and a row has one record/],
    ['metrics["cpu_tmp"] > 70', 9, /at character 9: "cpu_tmp" is no metric of a row.*did you mean "cpu_temp"\?$/],
    ['status == "up" && "room_temp" in metrics', 19, /"room_temp" is no metric of a row.*get node/],
    ['has(metrics.cpu_tmp)', 5, /"cpu_tmp" is no metric of a row/],
    ['metrics["cpu_busy"] > 0.5', 9, /what counters grow by, and a row has one record/],
    ['model == "x"', 1, /"model" is not told by records; give nodes a label/],
    ['name.matches("a")', 6, /"matches" cannot be called/],
    ['cpu_temp > "70"', 1, /does not go together/],
    [`name == "${'x'.repeat(limits.selectorLength)}"`, undefined, /more than 1024/],
  ])('%s is refused with the place and a hint', (text, position, message) => {
    expect(() => rowCondition(text)).toThrow(
      expect.objectContaining({ code: 'E_SELECTOR', position, message: expect.stringMatching(message) }),
    )
  })
})
