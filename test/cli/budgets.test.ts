// What a person sees of the budgets: `pimesh status`, `pimesh doctor` and `pimesh releases`.
import { describe, expect, it, onTestFinished } from 'vitest'
import { releasesLines } from '../../src/cli/format/releases.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { budgetsJson, hereJson, installJson, releaseJson, releasesJson, statusJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'
import { folder } from './pimesh.ts'

const HOUR = 3_600_000
const BOUNDED = budgetsJson({
  upload: { limit: 2_000_000, now: 1_200_000 },
  each: 500_000,
  download: { limit: 4_000_000, now: 0 },
  month: {
    ...{ month: '2026-11', limit: 20e9, used: 1.2e9, up: 0.2e9, down: 1e9, left: 18.8e9 },
    remainingMs: 36 * HOUR,
  },
  hours: { windows: ['22:00-06:00'], open: true, turns: { at: '06:00', inMs: 5 * HOUR } },
  relay: { offers: 'auto', rate: 2e6, monthly: 200e9, bytes: 5e6, refused: 2 },
})
const CLOSED = budgetsJson({
  hours: { windows: ['22:00-06:00'], open: false, turns: { at: '22:00', inMs: 3 * HOUR + 300_000 } },
  paused: {
    reason: 'hours',
    detail: 'nothing comes from or goes to other sites outside of swarm.hours: it goes on at 22:00',
    ...{ ageMs: 12 * HOUR, resumesInMs: 3 * HOUR + 300_000, lan: false },
  },
})
const SPENT = budgetsJson({
  month: { month: '2026-11', limit: 1e9, used: 1e9, up: 0.2e9, down: 0.8e9, left: 0, remainingMs: 36 * HOUR },
  paused: {
    reason: 'month',
    detail: 'the budget of this month (swarm.monthly) is used up',
    ...{ ageMs: HOUR, resumesInMs: 36 * HOUR, lan: false },
  },
})

async function daemon(budgets = budgetsJson()) {
  const data = await folder()
  const backend = new TestBackend()
  backend.now = statusJson({ budgets })
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  const run = async (command: string) => (await line([command, '--data', data])).out
  return { data, backend, run }
}

describe('pimesh status', () => {
  it('shows every budget without a bound, and what it came to', async () => {
    const { run } = await daemon()
    const out = await run('status')
    for (const shown of [
      /^upload +unlimited, now 0 B\/s$/m,
      /^download +unlimited, now 1.3 MB\/s$/m,
      /^month +unlimited, 1.2 GB in 2026-11 \(200 MB up, 1.0 GB down\)$/m,
      /^hours +always$/m,
      /^heat +rests from 85 °C on, now 48.3 °C$/m,
      /^relay +2.0 MB\/s, 200 GB in 30 days, 0 B since start$/m,
    ])
      expect(out).toMatch(shown)
    expect(out).not.toMatch(/^paused/m)
  })

  it('shows every budget with its bound', async () => {
    const { run } = await daemon(BOUNDED)
    const out = await run('status')
    for (const shown of [
      /^upload +2.0 MB\/s, to one member 500 kB\/s, now 1.2 MB\/s$/m,
      /^download +4.0 MB\/s, now 0 B\/s$/m,
      /^month +1.2 GB of 20.0 GB in 2026-11 \(200 MB up, 1.0 GB down\), 18.8 GB left for 1 d 12 h$/m,
      /^hours +22:00-06:00: open until 06:00 \(5 h\)$/m,
      /^relay +2.0 MB\/s, 200 GB in 30 days, 5.0 MB since start, 2 times refused as the budget was used up$/m,
    ])
      expect(out).toMatch(shown)
  })

  it('says what is not known, and what counts the LAN', async () => {
    const { run } = await daemon(
      budgetsJson({
        lan: true,
        month: { ...budgetsJson().month, month: null },
        hours: { windows: ['22:00-06:00'], open: null, turns: null },
        heat: { limit: null, celsius: null, throttled: null },
        relay: { ...budgetsJson().relay, offers: 'never' },
      }),
    )
    const out = await run('status')
    expect(out).toMatch(/^upload +unlimited, now 0 B\/s \(the LAN counts, too\)$/m)
    expect(out).toMatch(/^month +unlimited, 1.2 GB in this month by uptime \(/m)
    expect(out).toMatch(/^hours +22:00-06:00: closed, as the clock is not synchronised$/m)
    expect(out).toMatch(/^heat +never rests, temperature not measured$/m)
    expect(out).not.toMatch(/^relay/m)
  })

  it('says why nothing goes, and when it goes on; that is as its owner wants it', async () => {
    const { data, run } = await daemon(CLOSED)
    const out = await run('status')
    expect(out).toMatch(/^hours +22:00-06:00: closed until 22:00 \(3 h 5 min\)$/m)
    expect(out).toMatch(/^paused +since 12 h: nothing .* goes on at 22:00 \(in 3 h 5 min\); the LAN is free$/m)
    expect((await line(['status', '--data', data])).status).toBe(0)
  })

  it('names a release that is larger than what is left of the month', async () => {
    const { backend, run } = await daemon(budgetsJson({ month: { ...SPENT.month, left: 5e6 } }))
    backend.rollout = releasesJson([
      releaseJson({ here: hereJson() }),
      releaseJson({ selected: false, here: hereJson() }),
    ])
    expect(await run('status')).toMatch(
      /^month .*\n +acme\/agent@2.4.0 lacks 6.0 MB, more than is left of this month$/m,
    )
    backend.now = statusJson({ budgets: budgetsJson({ month: { ...SPENT.month, left: 6e6 } }) })
    expect(await run('status')).not.toContain('lacks')
  })

  it('of an older daemon shows none', async () => {
    const { backend, run } = await daemon()
    backend.now = statusJson()
    expect(await run('status')).not.toMatch(/^(upload|month|heat)/m)
  })
})

describe('pimesh doctor', () => {
  const { detail } = CLOSED.paused ?? { detail: '' }

  it('says in one sentence that a release waits for a budget', async () => {
    const { backend, run } = await daemon(CLOSED)
    backend.rollout = releasesJson([releaseJson({ here: hereJson({ reason: 'pausedHours', detail }) })])
    const out = await run('doctor')
    expect(out).toContain(`warn  releases    acme/agent@2.4.0 waits (paused: hours)\n${' '.repeat(18)}-> ${detail}\n`)
    expect(out).toMatch(
      /^ok +budgets +paused since 12 h: nothing comes from .* at 22:00 \(in 3 h 5 min\); the LAN is free$/m,
    )
    expect(out).not.toMatch(/none is stuck/)
  })

  it('warns of a month that is used up, of a release that it cannot bring, and of an hour that nobody knows', async () => {
    const { backend, run } = await daemon(SPENT)
    backend.rollout = releasesJson([releaseJson({ here: hereJson() })])
    const out = await run('doctor')
    expect(out).toMatch(
      /^warn +budgets +paused since 1 h: the budget of this month .* \(in 1 d 12 h\); the LAN is free\n +-> raise swarm.monthly/m,
    )
    expect(out).not.toContain('lacks')
    backend.now = statusJson({ budgets: budgetsJson({ month: { ...SPENT.month, left: 5e6 } }) })
    expect(await run('doctor')).toMatch(
      /^warn +budgets +acme\/agent@2.4.0 lacks 6.0 MB, more than is left of this month\n +-> /m,
    )
    const clock = { reason: 'clock', detail: 'nobody knows the hour', ageMs: HOUR, resumesInMs: null, lan: false }
    backend.now = statusJson({ budgets: budgetsJson({ paused: clock }) })
    expect(await run('doctor')).toMatch(
      /^warn +budgets +paused since 1 h: nobody knows the hour; the LAN is free\n +-> let systemd-timesyncd/m,
    )
  })

  it('is content when nothing is paused', async () => {
    const { run } = await daemon()
    expect(await run('doctor')).toMatch(/^ok +budgets +nothing is paused$/m)
  })
})

describe('pimesh releases', () => {
  it('counts nodes whose budgets let them wait', () => {
    const nodes = ['pausedHours', 'pausedMonth', 'pausedHot', 'pausedHours'].map((reason, i) =>
      installJson(`pi-${i}`, 'fetching', { reason }),
    )
    const terminal = { paint: (_colour: string, text: string) => text }
    const lines = releasesLines(releasesJson([releaseJson({ nodes })]), terminal, { wide: false, nodes: true })
    expect(lines[1]).toMatch(/ 2 paused: hours, 1 paused: hot, 1 paused: month$/)
    expect(lines.join('\n')).toMatch(/pi-0 .* paused: hours$/m)
  })

  it.each([
    [undefined, 'served'],
    [{ detail: 'it is noon', lan: false }, 'served over the LAN alone (it is noon)'],
    [{ detail: 'it is hot', lan: true }, 'not served (it is hot)'],
  ])('says what is so of a peer that only serves: %o', async (paused, said) => {
    const { data, backend } = await daemon()
    const here = hereJson({ state: 'verified', percent: 100, ...(paused && { paused }) })
    backend.rollout = releasesJson([releaseJson({ selected: null, here })])
    for (const words of [
      ['releases', 'acme/agent'],
      ['rollout', 'acme/agent'],
    ])
      expect((await line([...words, '--data', data])).out).toMatch(
        new RegExp(`^here +${said.replace(/[()]/g, '.')}$`, 'm'),
      )
    const wide = (await line(['releases', '-o', 'wide', '--data', data])).out
    expect(wide).toContain(`  ${said.replace(/ [(].*/, '')}  `)
  })

  it('says in a sentence what keeps an operator from having it, of whom no record speaks', async () => {
    const { data, backend } = await daemon()
    const here = hereJson({ detail: 'nobody who is reachable has the pieces that are missing' })
    backend.rollout = releasesJson([releaseJson({ selected: null, here })])
    const { out } = await line(['releases', 'acme/agent', '--data', data])
    expect(out).toMatch(/^here +fetching \(nobody who is reachable has the pieces that are missing\), 40 %/m)
  })
})
