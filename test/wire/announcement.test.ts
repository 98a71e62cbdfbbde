import { Metadata, MetadataKind } from '@tufjs/models'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { AnnouncementDocument, Release } from '../../src/core/trust/announcement.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { verifyStrict } from '../../src/keys/ed25519.ts'
import { announcementJson, parseAnnouncement, withRelease } from '../../src/wire/announcement.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodingOf, pathProblem, releaseHash } from '../../src/wire/release.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import {
  announcementOf,
  delegationOf,
  flips,
  identityOf,
  keyOf,
  MESH,
  NOW,
  nodeOf,
  releaseOf,
  targetsOf,
} from '../fixtures/documents.ts'

const PATH = 'acme/agent'
const FRAME = { mesh: MESH, role: 'acme', epoch: 1, version: 1, expires: NOW }
const PATCH = { type: 'zstd-patch', base: { sha256: 'ef'.repeat(32) } }
const documentFailure = expect.objectContaining({ code: 'E_DOCUMENT' })

interface Parts {
  signed: JsonObject
  target: JsonObject
  custom: JsonObject
  installer: JsonObject
  encoding: JsonObject
}

/** An announcement of one release after a change of its JSON. */
function changed(change: (parts: Parts) => void): () => AnnouncementDocument {
  const signed = announcementJson(FRAME, { [PATH]: releaseOf() })
  const target = (signed.targets as JsonObject)[PATH] as JsonObject
  const custom = target.custom as JsonObject
  const [encoding] = custom.encodings as JsonObject[]
  change({ signed, target, custom, installer: custom.installer as JsonObject, encoding: encoding as JsonObject })
  return () => parseAnnouncement(encodeSigned(signed, [keyOf('publisher')]))
}
const only = (document: AnnouncementDocument): Release => document.signed.releases[0] as Release

describe('an announcement (clause ANN 1)', () => {
  it('reads back what was written, in order of path', () => {
    const releases = { 'acme/b': releaseOf({ counter: 2 }), '10': releaseOf({ counter: 7 }), 'acme/a': releaseOf() }
    const document = announcementOf({ releases, epoch: 3, version: 9 })
    expect(document.signed).toMatchObject({ ...FRAME, epoch: 3, version: 9, expires: NOW + 90 * 86_400_000 })
    expect(document.signed.releases.map(({ path, counter }) => [path, counter])).toEqual([
      ['10', 7],
      ['acme/a', 1],
      ['acme/b', 2],
    ])
    const { hash, path, unsupported, ...terms } = document.signed.releases[1] as Release
    expect([terms, path, unsupported]).toEqual([releaseOf(), 'acme/a', undefined])
    expect(parseAnnouncement(document.raw)).toEqual(document)
  })

  it('may withdraw every release of its role', () => {
    expect(announcementOf({ releases: {} }).signed.releases).toEqual([])
  })

  it.each<[string, (parts: Parts) => void]>([
    ['another type', ({ signed }) => Object.assign(signed, { _type: 'root' })],
    ['another TUF', ({ signed }) => Object.assign(signed, { spec_version: '2.0.0' })],
    ['no mesh', ({ signed }) => delete signed.mesh],
    ['a mesh that is none', ({ signed }) => Object.assign(signed, { mesh: 'ab' })],
    ['a role that is none', ({ signed }) => Object.assign(signed, { role: 'Acme' })],
    ['epoch 0', ({ signed }) => Object.assign(signed, { epoch: 0 })],
    ['version 0', ({ signed }) => Object.assign(signed, { version: 0 })],
    ['a version beyond 2^31-1', ({ signed }) => Object.assign(signed, { version: 2 ** 31 })],
    ['a date that is none', ({ signed }) => Object.assign(signed, { expires: 'not a date' })],
    ['no targets', ({ signed }) => delete signed.targets],
    ['targets that are a list', ({ signed }) => Object.assign(signed, { targets: [] })],
    ['a path that is none', ({ signed, target }) => Object.assign(signed, { targets: { '../etc': target } })],
    ['an empty artifact', ({ target }) => Object.assign(target, { length: 0 })],
    ['no SHA-256', ({ target }) => Object.assign(target, { hashes: { sha512: 'ab' } })],
    ['a counter of 0', ({ custom }) => Object.assign(custom, { counter: 0 })],
    ['no counter', ({ custom }) => delete custom.counter],
    ['a version label with a blank', ({ custom }) => Object.assign(custom, { version: '1 2' })],
    ['an empty selector', ({ custom }) => Object.assign(custom, { to: '' })],
    ['a long selector', ({ custom }) => Object.assign(custom, { to: 'x'.repeat(limits.selectorLength + 1) })],
    ['an origin that is no address', ({ custom }) => Object.assign(custom, { origin: ['here'] })],
    ['an origin without a node', ({ custom }) => Object.assign(custom, { origin: ['/ip4/10.0.0.1/tcp/1'] })],
    ['no installer', ({ custom }) => delete custom.installer],
    ['an installer without a type', ({ installer }) => delete installer.type],
    ['a file with a folder', ({ installer }) => Object.assign(installer, { file: 'a/b' })],
    ["a file of the installer's own", ({ installer }) => Object.assign(installer, { file: '.release' })],
    ['a file above', ({ installer }) => Object.assign(installer, { file: '..' })],
    ['a file without a mode', ({ installer }) => delete installer.executable],
    ['encodings that are none', ({ custom }) => Object.assign(custom, { encodings: 'identity' })],
    ['an encoding twice', ({ custom, encoding }) => Object.assign(custom, { encodings: [encoding, encoding] })],
    ['an encoding without a type', ({ encoding }) => delete encoding.type],
    ['an encoding without a piece list', ({ encoding }) => delete encoding.piece_list],
    ['pieces of another length', ({ encoding }) => Object.assign(encoding, { piece_length: 2 * limits.pieceBytesMin })],
    ['an identity of another length', ({ encoding }) => Object.assign(encoding, { length: 5 })],
    ['requires that are no hashes', ({ custom }) => Object.assign(custom, { requires: ['acme/other'] })],
  ])('refuses %s (clause ANN 5)', (_, change) => {
    expect(changed(change)).toThrow(documentFailure)
    expect(changed(() => undefined)()).toBeDefined()
  })
})

describe('what a newer pimesh put into a release (clause ANN 7)', () => {
  it.each<[string, string, (parts: Parts) => void]>([
    ['a field of the target', '"later"', ({ target }) => Object.assign(target, { later: 1 })],
    ['a field of the release', '"rollout"', ({ custom }) => Object.assign(custom, { rollout: { waves: [1] } })],
    ['an installer', '"deb"', ({ custom }) => Object.assign(custom, { installer: { type: 'deb', package: 'x' } })],
    ['a field of its installer', '"owner"', ({ installer }) => Object.assign(installer, { owner: 'root' })],
    ['an encoding', 'its encodings', ({ custom }) => Object.assign(custom, { encodings: [{ type: 'brotli' }] })],
    ['nothing but a patch', 'its encodings', ({ encoding }) => Object.assign(encoding, PATCH)],
    ['a field of an encoding', 'its encodings', ({ encoding }) => Object.assign(encoding, { window: 24 })],
    ['no encoding', 'its encodings', ({ custom }) => Object.assign(custom, { encodings: [] })],
  ])('makes it unsupported, not the announcement invalid: %s', (_, named, change) => {
    const document = changed(change)()
    expect(only(document)).toMatchObject({ path: PATH, counter: 1, unsupported: expect.stringContaining(named) })
    const { signed } = jsonOf(document.raw) as { signed: JsonObject }
    expect(canonicalBytes(signed)).toEqual(document.signedBytes)
  })

  it('leaves out the encodings that are not for this version, and prefers the shortest of the others', () => {
    const artifact = { length: 5_000, hash: 'cd'.repeat(32) }
    const zstd = { ...identityOf(new Uint8Array(2_000)).encoding, type: 'zstd' as const }
    const { length, hash: sha256 } = artifact
    const identity = encodingOf({ ...zstd, length, sha256, type: 'identity' })
    const release = releaseOf({ artifact, encodings: [identity, zstd] })
    const signed = announcementJson(FRAME, { [PATH]: release })
    const { custom } = (signed.targets as JsonObject)[PATH] as { custom: { encodings: JsonObject[] } }
    custom.encodings.unshift({ type: 'zstd-patch', base: 'ab' })
    const { encodings, unsupported } = only(parseAnnouncement(encodeSigned(signed, [])))
    expect([encodings, unsupported]).toEqual([[zstd, identity], undefined])
  })

  it('reads patches with their base, the shortest encoding first (clause ANN 6)', () => {
    const zstd = { ...identityOf(new Uint8Array(2_000)).encoding, type: 'zstd' as const }
    const patch = encodingOf({ ...zstd, type: 'zstd-patch', length: 300, base: 'ab'.repeat(32) })
    const artifact = { length: 5_000, hash: 'cd'.repeat(32) }
    const read = only(announcementOf({ releases: { [PATH]: releaseOf({ artifact, encodings: [zstd, patch] }) } }))
    expect(read).toMatchObject({ encodings: [patch, zstd], unsupported: undefined })
    expect(read.encodings[1]).not.toHaveProperty('base')
  })

  it.each<[string, object]>([
    ['another field', { window: 24 }],
    ['no base', { base: undefined }],
    ['a base that is no hash', { base: { sha256: 'ab' } }],
    ['no length', { length: 0 }],
    ['another length of pieces', { piece_length: 262_145 }],
    ['no list of pieces', { piece_list: 'ab' }],
    ['the bytes of a whole encoding', { twin: true }],
  ])('leaves out a patch with %s, as who does not know patches does (clause ANN 7)', (_, change) => {
    const document = changed(({ custom, encoding }) => {
      const described = 'twin' in change ? { ...encoding, ...PATCH } : { ...encoding, length: 300, ...PATCH, ...change }
      custom.encodings = [encoding, JSON.parse(JSON.stringify(described))]
    })()
    expect(only(document)).toMatchObject({ encodings: [{ type: 'identity' }], unsupported: undefined })
  })

  it('an empty list of requirements is none (clause BUNDLE 1)', () => {
    const without = changed(() => undefined)()
    expect(only(changed(({ custom }) => Object.assign(custom, { requires: [] }))())).toMatchObject({ requires: [] })
    expect(only(without)).toMatchObject({ requires: [], unsupported: undefined })
    expect(Buffer.from(without.raw).toString()).not.toContain('requires')
  })

  it('reads what a release requires, which is part of its hash (clause BUNDLE 1)', () => {
    const requires = ['ab'.repeat(32), 'cd'.repeat(32)]
    const bundle = only(announcementOf({ releases: { [PATH]: releaseOf({ requires }) } }))
    expect(bundle).toMatchObject({ requires, unsupported: undefined })
    const hashes = [requires, requires.toReversed(), []].map(
      (some) => only(announcementOf({ releases: { [PATH]: releaseOf({ requires: some }) } })).hash,
    )
    expect(new Set(hashes).size).toBe(3)
  })
})

describe('the identity of an encoding (clause ANN 6)', () => {
  it('is another one when somebody describes the same bytes otherwise', () => {
    const { encoding } = identityOf(new Uint8Array(2_000))
    const others = [{ length: 2_001 }, { pieceList: 'ab'.repeat(32) }, { sha256: 'ab'.repeat(32) }]
    const hashes = [{}, ...others].map((change) => encodingOf({ ...encoding, ...change }).hash)
    expect(new Set(hashes).size).toBe(4)
    expect(hashes[0]).toBe(encoding.hash)
  })
})

describe('the identity of a release (clause ANN 8)', () => {
  it('stays when its role signs again, and names role, path and content', () => {
    const releases = { [PATH]: releaseOf(), 'acme/other': releaseOf({ counter: 2 }) }
    const hashOf = (document: AnnouncementDocument) => only(document).hash
    const first = hashOf(announcementOf())
    expect(hashOf(announcementOf({ releases, version: 2, epoch: 2 }))).toBe(first)
    expect(hashOf(announcementOf({ role: 'other' }))).not.toBe(first)
    expect(hashOf(announcementOf({ releases: { 'acme/agen': releaseOf() } }))).not.toBe(first)
    expect(hashOf(announcementOf({ releases: { [PATH]: releaseOf({ to: 'false' }) } }))).not.toBe(first)
    const target = { length: 1 }
    expect(releaseHash('acme', PATH, target)).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('an announcement that follows another (clause ANN 9)', () => {
  const newer = { rollout: { waves: [100] } }
  const signed: JsonObject = {
    ...announcementJson(FRAME, { [PATH]: releaseOf(), 'acme/b': releaseOf() }),
    beacon: 'later',
  }
  Object.assign(((signed.targets as JsonObject)['acme/b'] as JsonObject).custom as JsonObject, newer)
  const previous = parseAnnouncement(encodeSigned(signed, []))
  const next = (path: string, counter: number) =>
    parseAnnouncement(
      encodeSigned(withRelease(previous, { ...FRAME, version: 2 }, { path, release: releaseOf({ counter }) }), []),
    )

  it('has one new release, and all else as it was', () => {
    const [agent, b] = next(PATH, 5).signed.releases
    expect([agent?.counter, agent?.path]).toEqual([5, PATH])
    expect(b).toEqual(previous.signed.releases[1])
    expect(jsonOf(next(PATH, 5).signedBytes)).toMatchObject({
      version: 2,
      beacon: 'later',
      targets: { 'acme/b': { custom: newer } },
    })
    expect(next('acme/c', 5).signed.releases.map(({ path }) => path)).toEqual([PATH, 'acme/b', 'acme/c'])
  })

  it('without a previous one has that release alone', () => {
    const json = withRelease(undefined, FRAME, { path: PATH, release: releaseOf() })
    expect(json).toEqual(announcementJson(FRAME, { [PATH]: releaseOf() }))
  })
})

describe('a path (clause ANN 4)', () => {
  it.each(['a', 'acme/agent', 'Acme/Agent_2.x-y', '-', '3-ab', 'a/b/c/d', '__proto__', 'x'.repeat(limits.pathLength)])(
    'may be %s',
    (path) => {
      expect(pathProblem(path)).toBeUndefined()
      expect(announcementOf({ releases: { [path]: releaseOf() } }).signed.releases).toHaveLength(1)
    },
  )

  it.each([
    '',
    '/a',
    'a/',
    'a//b',
    '.',
    'a/..',
    '../a',
    'a b',
    'ä',
    'a\\b',
    '.hidden',
    'a/current',
    `a/3-${'0'.repeat(16)}`,
    'x'.repeat(limits.pathLength + 1),
  ])('may not be %j', (path) => {
    expect(pathProblem(path)).toBeDefined()
    expect(() => announcementOf({ releases: { [path]: releaseOf() } })).toThrow(documentFailure)
  })
})

describe('T01 arbitrary software', () => {
  const { keys, roles } = targetsOf({ roles: [delegationOf()] }).signed
  const accepted = (document: AnnouncementDocument) =>
    signedBy(document, keys, roles[0] as (typeof roles)[number], { verifyStrict })

  it('a flip of any byte is refused, or breaks the signature', () => {
    const document = announcementOf()
    expect(accepted(document)).toBe(true)
    let parsed = 0
    for (const bytes of flips(document.raw)) {
      let other: AnnouncementDocument
      try {
        other = parseAnnouncement(bytes)
      } catch (error) {
        expect(error).toEqual(documentFailure)
        continue
      }
      parsed += 1
      expect(accepted(other)).toBe(false)
    }
    // Flips in texts, numbers and hashes are still well formed: there the signature has to see them.
    expect(parsed).toBeGreaterThan(100)
  })

  it('is not accepted unsigned, by another key, or below the threshold', () => {
    const two = delegationOf({ by: ['publisher', 'second'], threshold: 2 })
    const listed = targetsOf({ roles: [two], keys: ['publisher', 'second'] }).signed
    const count = (by: string[]) => signedBy(announcementOf({ by }), listed.keys, two, { verifyStrict })
    expect([count([]), count(['publisher']), count(['third', 'second'])]).toEqual([false, false, false])
    expect(count(['publisher', 'second'])).toBe(true)
    expect(accepted(announcementOf({ by: ['stranger'] }))).toBe(false)
  })
})

describe('T02 endless data', () => {
  it('refuses an announcement above its bound before it is parsed, and one nested too deep', () => {
    const large = new Uint8Array(limits.announcementBytes + 1).fill(0x20)
    expect(() => parseAnnouncement(large)).toThrow(/more than/)
    const deep = Buffer.from(`{"signatures":[],"signed":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)
    expect(() => parseAnnouncement(deep)).toThrow(/nested/)
    const nested = changed(({ custom }) => Object.assign(custom, { later: [[[[[[[[]]]]]]]] }))
    expect(nested).toThrow(/nested/)
  })

  it('refuses more releases, origins, encodings or requirements than its bounds', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, releaseOf()]))
    expect(announcementOf({ releases: many(limits.releases) }).signed.releases).toHaveLength(limits.releases)
    expect(() => announcementOf({ releases: many(limits.releases + 1) })).toThrow(documentFailure)
    const origins = Array.from(
      { length: limits.releaseOrigins + 1 },
      (_, i) => `/ip4/10.0.0.${i}/tcp/1/p2p/${nodeOf('a')}`,
    )
    expect(changed(({ custom }) => Object.assign(custom, { origin: origins.slice(1) }))()).toBeDefined()
    expect(changed(({ custom }) => Object.assign(custom, { origin: origins }))).toThrow(documentFailure)
    const types = Array(limits.releaseEncodings + 1).fill({ type: 'later' })
    expect(changed(({ custom }) => Object.assign(custom, { encodings: types }))).toThrow(documentFailure)
    const hashes = Array.from({ length: limits.releaseRequires + 1 }, (_, i) => String(i).padStart(64, '0'))
    expect(changed(({ custom }) => Object.assign(custom, { requires: hashes }))).toThrow(documentFailure)
  })
})

describe('T22 signature exhaustion', () => {
  it('refuses too many or repeated signatures before any crypto', () => {
    const { signed, signatures } = jsonOf(announcementOf().raw) as { signed: JsonObject; signatures: JsonObject[] }
    const fake = (i: number) => ({ keyid: i.toString(16).padStart(64, '0'), sig: '00'.repeat(64) })
    const many = (count: number) =>
      canonicalBytes({ signed, signatures: Array.from({ length: count }, (_, i) => fake(i)) })
    expect(parseAnnouncement(many(limits.documentSignatures)).signatures).toHaveLength(limits.documentSignatures)
    expect(() => parseAnnouncement(many(limits.documentSignatures + 1))).toThrow(documentFailure)
    const twice = canonicalBytes({ signed, signatures: [...signatures, ...signatures] })
    expect(() => parseAnnouncement(twice)).toThrow('same key')
  })

  it('checks no signature by a key that the role does not list', () => {
    let checks = 0
    const counting = { verifyStrict: () => ++checks < 0 }
    const names = Array.from({ length: limits.documentSignatures }, (_, i) => `stranger${i}`)
    const { keys, roles } = targetsOf().signed
    expect(signedBy(announcementOf({ by: names }), keys, roles[0] as (typeof roles)[number], counting)).toBe(false)
    expect(checks).toBe(0)
  })
})

describe('beside @tufjs/models, an independent reader of TUF documents', () => {
  it('an announcement is targets metadata with the same targets, and its signatures count the same', () => {
    const names = ['a', 'b', 'c']
    const cases = fc.record({
      threshold: fc.integer({ min: 1, max: 3 }),
      by: fc.subarray(names),
      counters: fc.uniqueArray(
        fc.nat({ max: 1_000 }).map((n) => n + 1),
        { maxLength: 4 },
      ),
    })
    fc.assert(
      fc.property(cases, ({ threshold, by, counters }) => {
        const role = delegationOf({ by: names, threshold })
        const targets = targetsOf({ roles: [role], keys: names })
        const releases = Object.fromEntries(counters.map((counter) => [`acme/p${counter}`, releaseOf({ counter })]))
        const document = announcementOf({ releases, by })
        const theirs = Metadata.fromJSON(MetadataKind.Targets, jsonOf(document.raw) as never)
        expect(theirs.signed.version).toBe(document.signed.version)
        for (const { path, artifact } of document.signed.releases) {
          const file = theirs.signed.targets[path]
          expect([file?.length, file?.hashes.sha256]).toEqual([artifact.length, artifact.hash])
        }
        expect(Object.keys(theirs.signed.targets).sort()).toEqual(document.signed.releases.map(({ path }) => path))
        const delegator = Metadata.fromJSON(MetadataKind.Targets, jsonOf(targets.raw) as never)
        const ours = signedBy(document, targets.signed.keys, role, { verifyStrict })
        expect(ours).toBe(accepts(() => delegator.verifyDelegate('acme', theirs)))
      }),
      { numRuns: 40 },
    )
  })
})

function accepts(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}
