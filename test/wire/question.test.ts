import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { parseQuestion } from '../../src/wire/question.ts'

describe('a question about many nodes', () => {
  it.each<[string, object]>([
    ['count', { aggregates: [{ text: 'count', of: 'count' }], by: undefined, where: undefined }],
    ['count() by status', { by: 'status' }],
    ['p95(cpu_temp) by zone', { aggregates: [{ of: 'quantile', quantile: 0.95, metric: 'cpu_temp' }], by: 'zone' }],
    ['p99.9( cpu_temp )', { aggregates: [{ text: 'p99.9(cpu_temp)', of: 'quantile', quantile: 0.9990000000000001 }] }],
    ['median(load1),avg(load1) , count', { aggregates: [{ quantile: 0.5 }, { of: 'avg' }, { of: 'count' }] }],
    ['max(record_age)', { aggregates: [{ of: 'max', metric: 'record_age' }] }],
    [
      'sum(node_cpu_seconds_total{mode="idle"}) by zone where labels.room == "a, b" && cpu_temp > 3',
      {
        aggregates: [{ of: 'sum', metric: 'node_cpu_seconds_total{mode="idle"}' }],
        ...{ by: 'zone', where: 'labels.room == "a, b" && cpu_temp > 3' },
      },
    ],
  ])('%s', (text, question) => expect(parseQuestion(text)).toMatchObject(question))

  it.each<[string, string, number, RegExp]>([
    ['', 'E_QUERY', 1, /ends too early \(count, or p95\(cpu_temp\)\)/],
    ['p95(cpu_tmp)', 'E_METRIC', 5, /no metric "cpu_tmp", at character 5: did you mean "cpu_temp"\?/],
    ['p95', 'E_QUERY', 4, /"\(" is missing \(p95 is of a metric, as in p95\(cpu_temp\)\)/],
    ['p95(cpu_temp', 'E_QUERY', 13, /"\)" is missing/],
    ['averag(cpu_temp)', 'E_QUERY', 1, /"averag" is no figure/],
    ['medain(cpu_temp)', 'E_QUERY', 1, /\(did you mean "median"\?\)/],
    ['p950(cpu_temp)', 'E_QUERY', 1, /"p950" is no quantile \(from p0 to p99\.999\)/],
    ['count bye zone', 'E_QUERY', 7, /"bye" was not expected here \(did you mean "by"\?\)/],
    ['count by zoen', 'E_QUERY', 10, /not grouped by "zoen" \(did you mean "zone"\?\)/],
    ['count by country', 'E_QUERY', 10, /not grouped by "country" \(only by zone, status, version, release\)/],
    ['avg(cpu_temp) by version', 'E_QUERY', 18, /by version nodes can only be counted/],
    ['count by zone,', 'E_QUERY', 14, /"," was not expected here \("where"\)/],
    ['count where', 'E_QUERY', 12, /ends too early/],
    ['count where cpu_tmp > 3', 'E_SELECTOR', 13, /at character 13: "cpu_tmp" is not known.*did you mean "cpu_temp"/],
    ['count where cpu_temp >', 'E_SELECTOR', 23, /at character 23: it ends too early/],
    [
      Array(limits.queryAggregates + 1)
        .fill('count')
        .join(),
      'E_QUERY',
      49,
      /at most 8 figures/,
    ],
  ])('%j is refused with the place and a hint', (text, code, position, message) => {
    expect(() => parseQuestion(text)).toThrow(
      expect.objectContaining({ code, position, message: expect.stringMatching(message) }),
    )
  })

  it('of endless length is refused before it is read', () => {
    expect(() => parseQuestion('count,'.repeat(1_000))).toThrow(/more than 1024/)
  })
})
