// Publishers that come, change and go: what the next targets document says, which epochs are used again (none), and what is refused.
import { describe, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import type { Targets } from '../../src/core/trust/documents.ts'
import {
  type NewPublisher,
  nextTargets,
  type PublisherChange,
  withChanged,
  withoutPublisher,
  withPublisher,
} from '../../src/publish/next-targets.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { announcementOf, keyOf, NOW, targetsOf } from '../fixtures/documents.ts'

const [ADA, BOB, CYD] = ['ada', 'bob', 'cyd'].map(keyOf) as [
  ReturnType<typeof keyOf>,
  ReturnType<typeof keyOf>,
  ReturnType<typeof keyOf>,
]
const OWN = keyOf('publisher')
/** The role acme for acme/*, signed by `publisher`. */
const BEFORE = targetsOf()
const lab = (some: Partial<NewPublisher> = {}): NewPublisher => ({
  name: 'lab',
  keys: [ADA, BOB, CYD],
  threshold: 2,
  paths: ['lab/*'],
  ...some,
})
const failure = (code: FailureCode, text = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })
const roleOf = ({ roles }: Targets, name: string) => roles.find((role) => role.name === name)

describe('a publisher that comes', () => {
  it('stands behind the others, with its keys', () => {
    const next = withPublisher(BEFORE.signed, lab({ whenStale: 'refuse' }))
    expect(next.roles.map(({ name }) => name)).toEqual(['acme', 'lab'])
    expect(roleOf(next, 'lab')).toEqual({
      ...{ name: 'lab', keyIds: [ADA.keyId, BOB.keyId, CYD.keyId], threshold: 2, paths: ['lab/*'], terminating: true },
      ...{ epoch: 1, whenStale: 'refuse' },
    })
    expect(next.keys.get(CYD.keyId)).toEqual(CYD.publicKey)
    // It is a document that a node reads.
    const document = parseTargets(encodeSigned(nextTargets(BEFORE, next, NOW), [keyOf('targets')]))
    expect(document.signed).toEqual({ ...next, version: BEFORE.signed.version + 1, expires: NOW })
  })

  it.each<[string, Partial<NewPublisher>, FailureCode, string]>([
    ['a name that is taken', { name: 'acme', paths: ['x/*'] }, 'E_ROLE', '"pimesh trust rotate acme" changes its keys'],
    ['no name', { name: 'La b' }, 'E_USAGE', 'cannot name a publisher'],
    ['a reserved name', { name: 'beacon' }, 'E_USAGE', 'reserved for beacons'],
    ...['root', 'targets', 'enrol', 'membership'].map((name): [string, Partial<NewPublisher>, FailureCode, string] => [
      `the name ${name}, which rotate and revoke would take for another role`,
      { name },
      'E_ROLE',
      'names something else in every mesh',
    ]),
    ['paths of another', { paths: ['lab/*', '*/agent'] }, 'E_PATH', '"*/agent" overlaps "acme/*"'],
    ['a pattern twice', { paths: ['lab/*', 'lab/*'] }, 'E_PATH', 'given twice'],
    ['a pattern of nothing', { paths: ['lab//x'] }, 'E_PATH', 'no pattern of paths'],
    ['a pattern that no path can match', { paths: ['lab/.x'] }, 'E_PATH', 'begin with "."'],
    ['an absolute pattern', { paths: ['/lab/*'] }, 'E_PATH', 'no pattern of paths'],
    ['too many patterns', { paths: Array.from({ length: 17 }, (_, at) => `lab/${at}`) }, 'E_PATH', 'at most 16'],
    ['more signatures than keys', { threshold: 4 }, 'E_ROLE', 'would have 3 keys and need 4 signatures'],
    ['more signatures than a document holds', { threshold: 17 }, 'E_ROLE', '16 signatures at most'],
    [
      'more keys than a document holds',
      { keys: Array.from({ length: 64 }, (_, at) => keyOf(`${at}`)) },
      'E_ROLE',
      '65 keys',
    ],
  ])('is refused with %s', (_, some, code, text) => {
    expect(() => withPublisher(BEFORE.signed, lab(some))).toThrow(failure(code, text))
  })

  it('is refused where there is no room', () => {
    const roles = Array.from({ length: limits.delegatedRoles }, (_, at) => ({
      ...(BEFORE.signed.roles[0] as Targets['roles'][number]),
      name: `r${at}`,
    }))
    expect(() => withPublisher({ ...BEFORE.signed, roles }, lab())).toThrow(failure('E_ROLE', 'no room for more'))
  })
})

describe('a publisher that goes', () => {
  it('takes its keys with it, and leaves its epoch behind: who comes under its name has a higher one', () => {
    const two = withPublisher(BEFORE.signed, lab({ keys: [ADA, OWN] }))
    const raised = withChanged(two, 'lab', { out: [], in: [], raiseEpoch: true }, [])
    const gone = withoutPublisher(raised, 'lab')
    expect([gone.roles.map(({ name }) => name), [...gone.keys.keys()], gone.formerEpoch]).toEqual([
      ['acme'],
      [OWN.keyId],
      2,
    ])
    // Also over a document in between, and of every name: one number is kept.
    const document = parseTargets(encodeSigned(nextTargets(BEFORE, gone, NOW), [keyOf('targets')]))
    expect(roleOf(withPublisher(document.signed, lab()), 'lab')?.epoch).toBe(3)
    expect(withoutPublisher(document.signed, 'acme').formerEpoch).toBe(2)
  })

  it('is one that there is', () => {
    expect(() => withoutPublisher(BEFORE.signed, 'acm')).toThrow(failure('E_ROLE', 'did you mean "acme"?'))
    expect(() => withoutPublisher(BEFORE.signed, 'quite-another')).toThrow(failure('E_ROLE', 'it has acme'))
  })
})

describe('a publisher that changes', () => {
  const three = withPublisher(BEFORE.signed, lab())
  const change = (some: Partial<PublisherChange>, announced: Parameters<typeof withChanged>[3] = []) =>
    roleOf(withChanged(three, 'lab', { out: [], in: [], ...some }, announced), 'lab')
  const signedBy = (...by: string[]) => announcementOf({ role: 'lab', epoch: 1, version: 5, by, releases: {} })

  it('has other keys, and a new epoch unless what it announced still counts', () => {
    expect(change({ out: [ADA.keyId], in: [OWN] })).toMatchObject({
      keyIds: [BOB.keyId, CYD.keyId, OWN.keyId],
      epoch: 2,
    })
    expect(change({ out: [ADA.keyId] }, [signedBy('ada', 'bob')])).toMatchObject({ epoch: 2 })
    expect(change({ out: [ADA.keyId] }, [signedBy('bob', 'cyd')])).toMatchObject({ epoch: 1 })
    expect(change({ threshold: 3 }, [signedBy('bob', 'cyd')])).toMatchObject({ threshold: 3, epoch: 2 })
    expect(change({ threshold: 1, in: [OWN] })).toMatchObject({ threshold: 1, epoch: 1 })
    expect(change({ out: [ADA.keyId], threshold: 1 })).toMatchObject({ threshold: 1, epoch: 1 })
    // What is of another epoch, or role, says nothing.
    expect(change({ out: [ADA.keyId] }, [announcementOf({ role: 'lab', epoch: 2, version: 1 })])).toMatchObject({
      epoch: 2,
    })
  })

  it('T04 has a new epoch when those who go could have signed alone: a thief may have, where nobody here has heard of it', () => {
    const [DAN, EVE] = [keyOf('dan'), keyOf('eve')]
    const out = [ADA.keyId, BOB.keyId]
    // What is known here is by others, and goes on counting.
    const five = withChanged(three, 'lab', { out: [], in: [DAN, EVE] }, [])
    const known = [signedBy('cyd', 'dan')]
    const next = (some: Partial<PublisherChange>) =>
      roleOf(withChanged(five, 'lab', { out: [], in: [], ...some }, known), 'lab')
    expect(next({ out })).toMatchObject({ epoch: 2 })
    expect(next({ out: [ADA.keyId] })).toMatchObject({ epoch: 1 })
    // Who comes back in the same change has not gone.
    expect(next({ out, in: [BOB] })).toMatchObject({ epoch: 1 })
  })

  it('T04 begins a new epoch when that is asked for, whatever counts', () => {
    expect(change({ raiseEpoch: true }, [signedBy('bob', 'cyd')])).toMatchObject({ epoch: 2 })
  })

  it('says what its nodes do without beacons, and keeps what it said', () => {
    expect(change({ whenStale: 'refuse' })).toMatchObject({ whenStale: 'refuse', epoch: 1 })
    const stale = withChanged(three, 'lab', { out: [], in: [], whenStale: 'refuse' }, [])
    expect(roleOf(withChanged(stale, 'lab', { out: [], in: [], threshold: 1 }, []), 'lab')).toMatchObject({
      whenStale: 'refuse',
    })
    expect(three.roles[0]).toBe(stale.roles[0])
  })

  it.each<[string, Partial<PublisherChange>, FailureCode, RegExp]>([
    [
      'too few keys are left',
      { out: [ADA.keyId, BOB.keyId] },
      'E_ROLE',
      /1 key and need 2 signatures: rotate to a new key with "pimesh trust rotate lab --out-key \w{16} --pub NEW", or lower the threshold with "pimesh trust rotate lab --threshold 1"/,
    ],
    [
      'no key is left',
      { out: [ADA, BOB, CYD].map(({ keyId }) => keyId), threshold: 1 },
      'E_ROLE',
      /0 keys and need 1 signature: name more/,
    ],
    [
      'more are needed than there are',
      { threshold: 4 },
      'E_ROLE',
      /3 keys and need 4 signatures: name more keys with --pub/,
    ],
    ['a key goes that is not there', { out: [OWN.keyId] }, 'E_KEY', /is not one of the role "lab"/],
    ['a key comes that is there', { in: [ADA] }, 'E_KEY', /is one of the role "lab" already/],
  ])('is refused when %s', (_, some, code, text) => {
    expect(() => change(some)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(text) }))
  })

  it('may be given the same key that went in one change: nothing is lost by it', () => {
    expect(change({ out: [ADA.keyId], in: [ADA] })).toMatchObject({ keyIds: [BOB.keyId, CYD.keyId, ADA.keyId] })
  })
})

it('T04 no document has a role in an epoch that is left for the next one of targets (clause TARGETS 3)', () => {
  const [acme] = BEFORE.signed.roles as [Targets['roles'][number]]
  const read = (some: Partial<Targets>) =>
    parseTargets(encodeSigned(targetsJson({ ...BEFORE.signed, ...some }), [keyOf('targets')])).signed
  const last = limits.roleEpochs
  expect(read({ roles: [{ ...acme, epoch: last }], formerEpoch: last })).toMatchObject({ formerEpoch: last })
  expect(read({ roles: [{ ...acme, epoch: 2 * last }], epoch: 2 })).toMatchObject({ epoch: 2 })
  for (const some of [
    { roles: [{ ...acme, epoch: last + 1 }] },
    { formerEpoch: last + 1 },
    { epoch: 2, formerEpoch: 2 * last + 1 },
  ])
    expect(() => read(some)).toThrow(failure('E_DOCUMENT', 'the epoch of a role is above'))
})

it('a publisher of before with a name that no new one gets stays readable', () => {
  const [acme] = BEFORE.signed.roles as [Targets['roles'][number]]
  const old = { ...BEFORE.signed, roles: [{ ...acme, name: 'root' }] }
  expect(parseTargets(encodeSigned(targetsJson(old), [keyOf('targets')])).signed.roles[0]?.name).toBe('root')
})

it('what a newer pimesh wrote into the document stays', () => {
  const newer = parseTargets(encodeSigned({ ...targetsJson(BEFORE.signed), later: 1 }, [keyOf('targets')]))
  const signed = nextTargets(newer, withPublisher(newer.signed, lab()), NOW)
  expect(signed).toMatchObject({ later: 1, version: 2 })
  expect(jsonOf(newer.signedBytes)).toMatchObject({ version: 1 })
})
