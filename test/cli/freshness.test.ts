// What the commands say of time and of beacons; an older daemon says nothing of either.
import { describe, expect, it } from 'vitest'
import { daemonChecks } from '../../src/cli/doctor/daemon.ts'
import { releaseLines, releasesLines } from '../../src/cli/format/releases.ts'
import { statusLines, troubles } from '../../src/cli/status.ts'
import { DAY } from '../../src/core/limits.ts'
import type { ReleasesJson, StatusJson } from '../../src/daemon/api-types.ts'
import { releaseJson, releasesJson, statusJson } from './answers.ts'

const terminal = { paint: (_colour: string, text: string) => text }
const NOW = Date.UTC(2026, 10, 20)
const beacon = { time: '2026-11-20T10:00:00.000Z', periodMs: 3_600_000, signs: false }
/** No release is announced. */
const NOTHING = { releases: [] }
const of = (some: Partial<StatusJson>) => statusLines(statusJson(some), NOTHING, terminal, NOW).join('\n')

describe('pimesh status', () => {
  it('says how fresh the node is, and what ends soon', () => {
    const lines = of({
      freshness: 'fresh',
      beacon,
      endingSoon: [{ what: 'acme', expires: '2026-12-01T00:00:00.000Z' }],
    })
    expect(lines).toMatch(/freshness +fresh: newest beacon of 2026-11-20T10:00Z, one is due every 1 ?h/)
    expect(lines).toMatch(/ends soon +acme on 2026-12-01/)
    expect(of({ freshness: 'unproven', beacon: null })).toMatch(/freshness +unproven: this mesh has no beacons/)
    expect(of({ freshness: 'unproven', beacon: { ...beacon, time: null, signs: true } })).toMatch(
      /unproven: no beacon yet, .*; this node signs them/,
    )
    expect(of({ freshness: 'stale', beacon: { ...beacon, signs: true }, clockTrusted: false })).toContain(
      'this node signs none before its clock is synchronised',
    )
    expect(of({})).not.toContain('freshness')
  })

  it('is degraded while the node is stale', () => {
    expect(troubles(statusJson({ freshness: 'stale', beacon }), NOTHING, NOW)).toEqual([
      'stale: no newer beacon for three periods',
    ])
    expect(troubles(statusJson({ freshness: 'unproven', beacon: null }), NOTHING, NOW)).toEqual([])
  })
})

describe('pimesh doctor', () => {
  const checks = async (some: Partial<StatusJson>) => {
    const all = await daemonChecks('/data', statusJson({ role: 'operator', listening: [], ...some }))
    return all
      .filter(({ name }) => ['freshness', 'ends soon'].includes(name))
      .map(({ name, state }) => `${name} ${state}`)
  }
  it('warns of a stale node, and of what ends soon', async () => {
    expect(await checks({ freshness: 'stale', beacon })).toEqual(['freshness warn'])
    expect(await checks({ freshness: 'fresh', beacon })).toEqual(['freshness ok'])
    expect(await checks({ freshness: 'unproven', beacon: null })).toEqual(['freshness ok'])
    const endingSoon = [{ what: 'acme', expires: '2026-12-01T00:00:00.000Z' }]
    expect(await checks({ endingSoon })).toEqual(['ends soon warn'])
    expect(await checks({})).toEqual([])
  })

  it('warns of the root as early as of anything else, in its own check', async () => {
    const rootExpires = new Date(Date.now() + 80 * DAY).toISOString()
    const root = async (some: Partial<StatusJson>) =>
      (await daemonChecks('/data', statusJson({ role: 'operator', listening: [], rootExpires, ...some }))).find(
        ({ name }) => name === 'root',
      )?.state
    expect(await root({ endingSoon: [{ what: 'root', expires: rootExpires }] })).toBe('warn')
    expect(await root({ endingSoon: [] })).toBe('ok')
    expect(await root({})).toBe('ok')
  })
})

describe('pimesh releases', () => {
  const last = (some: Partial<ReleasesJson>) =>
    releasesLines({ ...releasesJson([releaseJson()]), ...some }, terminal, { wide: false, nodes: false }).at(-1)
  it('says in the last line how fresh the answer is', () => {
    expect(last({ freshness: 'unproven' })).toMatch(/answered, .*, freshness unproven$/)
    expect(last({})).not.toContain('freshness')
  })

  it('says when it cannot be told whether a release has expired', () => {
    const lines = (expiry: string) => releaseLines(releasesJson([releaseJson({ expiry })]), terminal).join('\n')
    expect(lines('unknown')).toContain('whether it has expired cannot be said')
    expect(lines('valid')).not.toContain('whether it has expired')
  })
})
