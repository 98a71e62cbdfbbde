// News: a node that comes and goes is one alert, a split zone one event, and nobody is told of more than can be read.
import { describe, expect, it } from 'vitest'
import { Alerts } from '../../../src/core/fleet/alerts.ts'
import { News } from '../../../src/core/fleet/news.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { envelope, record, T } from './helpers.ts'

function setUp({ missing = 0, members = 25 } = {}) {
  const out = new Outbox()
  const alerts = new Alerts(out)
  const zone = { missing, members }
  const news = new News({ out, alerts, missing: () => zone })
  /** What a person is told, in order. */
  const told = () =>
    out.drain().flatMap((effect) => {
      if (effect.type !== 'event') return []
      const { event } = effect
      if (event.type === 'status') return event.quiet === true ? [] : [`${event.node} ${event.to}`]
      return [event.type === 'alert' ? `${event.kind} ${event.node}` : event.type]
    })
  const goes = (node: string, now: number) => news.changed({ type: 'status', node, from: 'up', to: 'down' }, now)
  const comes = (node: string, now: number) => news.changed({ type: 'status', node, from: 'down', to: 'up' }, now)
  return { news, alerts, zone, told, goes, comes }
}

describe('a node that comes and goes', () => {
  it('is told of until it did so for the third time within an hour: then it is one alert', () => {
    const { told, goes, comes, news } = setUp()
    for (let i = 0; i < 10; i++) {
      goes('a', i * MINUTE)
      comes('a', i * MINUTE + 1)
    }
    expect(told()).toEqual(['a down', 'a up', 'a down', 'a up', 'a down', 'flapping a'])
    expect(news.isFlapping('a', 10 * MINUTE)).toBe(true)
    expect(news.isFlapping('b', 10 * MINUTE)).toBe(false)
  })

  it('is told of again, and may witness again, when it was quiet for an hour', () => {
    const { told, goes, comes, news, alerts } = setUp()
    for (let i = 0; i < limits.flapsMax; i++) comes('a', i * MINUTE)
    told()
    const last = (limits.flapsMax - 1) * MINUTE
    expect(alerts.of('a')).toEqual(['flapping'])
    expect(news.isFlapping('a', last + limits.flapWindow)).toBe(true)
    news.check(last + limits.flapWindow + 1)
    expect([news.isFlapping('a', last + limits.flapWindow + 1), alerts.of('a')]).toEqual([false, []])
    goes('a', last + limits.flapWindow + 2)
    expect(told()).toEqual(['a down'])
  })

  it('is not looked at again and again while that hour goes on: what is due is over when it was looked at', () => {
    const { comes, news } = setUp()
    for (let i = 0; i < limits.flapsMax; i++) comes('a', i * 20 * MINUTE)
    const first = limits.flapWindow + 1
    news.check(first)
    expect(news.isFlapping('a', first)).toBe(true)
    expect(news.deadline()).toBe((limits.flapsMax - 1) * 20 * MINUTE + limits.flapWindow + 1)
    news.check(news.deadline() as number)
    expect(news.deadline()).toBeUndefined()
  })

  it('that does so now and then is told of each time', () => {
    const { told, comes, news } = setUp()
    for (let i = 0; i < 5; i++) comes('a', i * 0.6 * limits.flapWindow)
    expect(told()).toHaveLength(5)
    expect(news.isFlapping('a', 2.4 * limits.flapWindow)).toBe(false)
  })
})

describe('a zone that is split', () => {
  it('is one event, whoever is missed, and one when nearly all are back', () => {
    const { told, goes, comes, news, zone } = setUp({ missing: 12 })
    for (let i = 0; i < 12; i++) goes(`n${i}`, i)
    expect(told()).toEqual(['zoneSplit'])
    zone.missing = 0
    for (let i = 0; i < 9; i++) comes(`n${i}`, 1_000)
    news.check(1_000)
    expect(told()).toEqual([])
    comes('n9', 2_000)
    news.check(2_000)
    expect(told()).toEqual(['zoneHealed'])
    comes('n10', 3_000)
    expect(told()).toEqual(['n10 up'])
  })

  it('is none when fewer go, or the zone is small', () => {
    for (const zone of [{ missing: 9 }, { missing: 2, members: 3 }]) {
      const { told, goes } = setUp(zone)
      goes('a', 0)
      expect(told()).toEqual(['a down'])
    }
  })

  it('shows in a view of which half falls silent', () => {
    const out = new Outbox()
    const view: View = new View('n0', out, (event, now) => news.changed(event, now))
    const news = new News({ out, alerts: new Alerts(out), missing: (now) => view.missing(now) })
    const speak = (from: number, now: number, counter: number) => {
      for (let i = from; i < 25; i++) view.accept(`n${i}`, record(1, counter), envelope(), now + 20 * i)
    }
    speak(0, 0, 1)
    out.drain()
    for (let i = 1; i <= 5; i++) {
      speak(12, i * 0.9 * T, i + 1)
      view.check(i * 0.9 * T + 500)
    }
    const events = out.drain().flatMap((effect) => (effect.type === 'event' ? [effect.event] : []))
    expect(events.filter(({ type }) => type === 'zoneSplit')).toMatchObject([{ missing: 11, members: 25 }])
    expect(events.filter((event) => event.type === 'status' && event.quiet !== true)).toEqual([])
    expect(view.counts()).toMatchObject({ up: 14, down: 11 })
  })
})

it('no more changes are told one by one in a minute than anybody reads; how many there were beside is told after it', () => {
  const { told, goes, news } = setUp()
  for (let i = 0; i < limits.statusEvents + 60; i++) goes(`n${i}`, 0)
  expect(told()).toHaveLength(limits.statusEvents)
  expect(news.deadline()).toBe(MINUTE)
  news.check(MINUTE)
  expect(told()).toEqual(['statusMore'])
  goes('a', MINUTE)
  expect(told()).toEqual(['a down'])
})
