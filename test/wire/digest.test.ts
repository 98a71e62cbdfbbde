// Digests and summaries as bytes (clause DIGEST 1, clause SUMMARY): what a zone of any size says fits, and what does not gives way in order.
import { describe, expect, it } from 'vitest'
import { type Figures, reportsOf } from '../../src/core/fleet/figures.ts'
import { SKETCH_BINS, SKETCHED, sketchCount } from '../../src/core/fleet/sketch.ts'
import { limits } from '../../src/core/limits.ts'
import { decodeDigest, encodeDigest } from '../../src/wire/digest.ts'
import { sealEnvelope } from '../../src/wire/envelope.ts'
import { decodeSummary, encodeSummary } from '../../src/wire/summary.ts'
import { sampleDigest, sampleNode, sampleSummary } from './samples.ts'

const LONG = Array.from({ length: 5 }, () => 'z'.repeat(32)).join('/')

/** Of so many nodes, with everything that figures can hold under the longest names. */
function fullFigures(nodes: number, base: string): Figures {
  const each = Math.floor(nodes / SKETCH_BINS)
  return {
    ...{ zones: Math.ceil(nodes / 25), dark: 16, counts: { up: nodes, late: 0, down: 5, left: 0 } },
    darkZones: Array.from({ length: limits.darkNames }, (_, at) =>
      `${base}/${LONG.slice(0, -3)}${String(at).padStart(3, '0')}`.slice(0, 198),
    ),
    releases: Array.from({ length: limits.digestReleases }, (_, at) => ({
      release8: at.toString(16).padStart(16, '0'),
      states: { committed: each, failed: each, fetching: each },
    })),
    otherReleases: 3,
    versions: Array.from({ length: limits.digestVersions }, (_, at) => ({
      version: `0.${at}.12345-rc.1`,
      count: each,
    })),
    ...{ otherVersions: 1, alerts: { cloned: 2, seatShared: 2 } },
    sketches: SKETCHED.map(() => new Array<number>(SKETCH_BINS).fill(each)),
    worst: Array.from({ length: limits.worstNodes }, (_, at) => {
      return { node: sampleNode(at + 1), zone: `${base}/${LONG}`.slice(0, 198), why: 'down' as const, value: 2_000_000 }
    }),
  }
}

const address = (at: number) => `/dns4/${'relay'.repeat(20)}/tcp/3141${at}`
const contacts = [1, 2].map((at) => ({ node: sampleNode(at), addresses: [address(at), address(at + 2)] }))
const sealed = (kind: string, body: Uint8Array) =>
  sealEnvelope({ kind, mesh8: 'ab'.repeat(8), membership: 'cd'.repeat(16), body }, () => new Uint8Array(64)).length

describe('a digest', () => {
  it.each([100, 500, 10_000, 1_000_000])('of %i nodes fits, whatever its names are', (nodes) => {
    const digest = { ...sampleDigest, zone: '/uk', contacts, figures: fullFigures(nodes, '/uk') }
    const body = encodeDigest(digest)
    expect(sealed('dig', body)).toBeLessThanOrEqual(limits.digestBytes)
    const read = decodeDigest(body)
    expect(read.figures.counts).toEqual(digest.figures.counts)
    // What is left out of the lists is still counted.
    const reports = (figures: Figures) =>
      figures.releases.reduce((sum, one) => sum + reportsOf(one), figures.otherReleases)
    expect(reports(read.figures)).toBe(reports(digest.figures))
  })

  it('of a site with usual names loses nothing', () => {
    const worst = fullFigures(25, '/uk/a').worst.map((one) => ({ ...one, zone: '/uk/a' }))
    const sketches = SKETCHED.map(() => [0, 0, 3, 5, 7, 0, 9, 1])
    const usual = { ...sampleDigest.figures, ...{ zones: 1, dark: 0, darkZones: [], worst, sketches, alerts: {} } }
    const figures = { ...usual, counts: { up: 25, late: 0, down: 0, left: 0 } }
    const near = contacts.map((one) => ({
      ...one,
      addresses: ['/ip4/203.0.113.7/tcp/31415', '/ip4/10.11.12.13/tcp/31415'],
    }))
    const digest = { ...sampleDigest, zone: '/uk/a', leaf: true, age: 0, contacts: near, figures }
    expect(decodeDigest(encodeDigest(digest))).toEqual(digest)
  })

  it('gives up names before sketches', () => {
    const read = decodeDigest(encodeDigest({ ...sampleDigest, contacts, figures: fullFigures(10_000, '/uk') }))
    expect(read.figures.sketches.map(sketchCount)).toEqual(SKETCHED.map(() => SKETCH_BINS * 312))
    expect(read.figures.darkZones).toEqual([])
    expect(read.figures.dark).toBe(16)
  })

  it('is not of the whole fleet', () => {
    expect(() => decodeDigest(encodeDigest({ ...sampleDigest, zone: '/' }))).toThrow()
  })
})

describe('a summary', () => {
  it.each([100, 10_000, 1_000_000])('of %i nodes fits, whatever its names are', (nodes) => {
    const body = encodeSummary({ ...sampleSummary, figures: fullFigures(nodes, '/uk') })
    expect(sealed('sum', body)).toBeLessThanOrEqual(limits.summaryBytes)
    expect(decodeSummary(body).figures.sketches[0]?.length).toBe(SKETCH_BINS)
  })
})
