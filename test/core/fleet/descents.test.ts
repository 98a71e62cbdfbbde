// Descents: the zones below inner zones as their reporters tell them. A liar can leave some out or make some up: the first shows in the
// counts, the second is not believed (T37).
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { type DescentAnswer, Descents } from '../../../src/core/fleet/descents.ts'
import { childKey, type Digest } from '../../../src/core/fleet/digest.ts'
import { mergeFigures } from '../../../src/core/fleet/figures.ts'
import { Level } from '../../../src/core/fleet/level.ts'
import { Places } from '../../../src/core/fleet/reporters.ts'
import { limits } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { type ChildRow, NOTHING, type QueryRequest, type QueryResponse } from '../../../src/core/protocols.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { D, DAY_0, digest, membershipId, membershipOf, sha256, signed, spoken } from './reporter-world.ts'

type Told = ChildRow & { by: string }

/** A leaf zone with so many nodes up, as its reporter `r/uk/a` signs it. */
function leaf(zone: string, up: number, changes: Partial<Digest> = {}): Told {
  const by = `r${zone}`
  const told = { envelope: signed(by), digest: digest(zone, up, changes), age: 2_000 }
  return { zone, leaf: true, dark: false, told, by }
}

/** An inner zone that is what these are together. */
function inner(zone: string, children: readonly Told[], contacts = [`i${zone}`, `s${zone}`]): Told {
  const figures = mergeFigures(children.flatMap(({ told }) => told?.digest.figures ?? []))
  const named = contacts.map((node) => ({ node, addresses: ['/ip4/10.0.0.9/tcp/1'] }))
  const said = digest(zone, 0, { leaf: false, figures, contacts: named })
  return {
    zone,
    leaf: false,
    dark: false,
    told: { envelope: signed(`i${zone}`), digest: said, age: 1_000 },
    by: `i${zone}`,
  }
}

interface World {
  ask: (zones?: readonly string[], timeout?: number) => DescentAnswer
  /** Who was asked for which zone, in this order. */
  asked: string[]
  dialled: string[]
  descents: Descents
  out: Outbox
}

interface Options {
  /** Children below `/`, as this peer hears them; undefined: it hears nothing. */
  top?: readonly Told[]
  /** What reporters answer. Who is not in here is silent. */
  answers: Record<string, (request: QueryRequest) => Partial<QueryResponse>>
  node?: { zone: string }
  known?: readonly { node: string; zone: string; reports: number }[]
  /** The zone that a reporter is a member of; default below the zone that it speaks for. */
  zoneOf?: (node: string) => string
  linked?: boolean
  /** Whether a reporter knows who signed; default that it does. */
  knows?: (node: string) => boolean
}

const zoneOf = (node: string) => (node.startsWith('r') ? node.slice(1) : `${node.slice(1)}/x`)
const page = (children: readonly Told[]): Partial<QueryResponse> => ({
  children: [...children].sort((a, b) => (childKey(a) < childKey(b) ? -1 : 1)),
})
const EMPTY = { refused: undefined, counts: { up: 0, late: 0, down: 0, left: 0 }, rows: [], more: false } as const

function world({ top, answers, node, known = [], linked = true, ...options }: Options): World {
  const out = new Outbox()
  const env = {
    sha256,
    nodeKey: () => new Uint8Array(32),
    verify: (_: unknown, __: unknown, [first]: Uint8Array) => first === 1,
  }
  const own = { node: 'me', zone: node?.zone ?? '/', isNode: node !== undefined }
  const self = { ...own, mesh8: '00'.repeat(8), synchronised: true, wallAt: () => DAY_0 * 86_400_000 }
  const book = new Book('me', own.zone)
  for (const { node: id, zone, reports } of known)
    book.hearsay({ node: id, zone, addresses: ['/ip4/10.0.0.8/tcp/1'], age: 0, serves: true, reports }, 0)
  const level = new Level('/', 'dig/', new Places({ sha256 }), 0)
  for (const { by, told } of top ?? []) if (told) level.take(spoken(by, told.digest, 0), DAY_0, 0)
  const members = new Map<string, Membership>()
  const authors = {
    get: (id: string) => members.get(id),
    learn: (membership: Membership) => members.set(membership.id, membership) !== undefined,
  }
  const [asked, dialled]: [string[], string[]] = [[], []]
  const links = {
    get: () => (linked ? {} : undefined),
    wantFor: ({ node: id }: { node: string }) => void dialled.push(id),
  }
  const reporting = {
    levels: top === undefined ? [] : [level],
    summary: () => undefined,
    pair: { active: 'mate', standby: undefined },
  }
  const statements = {
    isFound: (id: string) => id === membershipId('r/eu/revoked'),
    endOf: () => Number.MAX_SAFE_INTEGER,
  }
  const parts = { env, out, self, authors, statements, day: { at: () => DAY_0 }, book, links, reporting }
  const descents = new Descents(parts as never)

  const respond = (effect: Extract<Effect, { type: 'ask' }>, now: number) => {
    const { ticket, peer } = effect
    if (effect.protocol === 'sync' && effect.body.type === 'memberships') {
      expect(effect.body.ids.length).toBeLessThanOrEqual(limits.syncMemberships)
      const names = effect.body.ids.map((id) => id.replace('id of ', '')).filter(options.knows ?? (() => true))
      const memberships = names.map((name) => membershipOf(name, (options.zoneOf ?? zoneOf)(name)))
      expect(descents.introduced(ticket, { ...NOTHING, memberships }, now)).toBe(true)
    }
    if (effect.protocol !== 'query') return
    expect(effect.body.want).toBe('children')
    asked.push(`${peer} ${effect.body.zone}`)
    const answer = answers[peer]?.(effect.body)
    if (answer !== undefined) expect(descents.answered(ticket, peer, { ...EMPTY, ...answer }, now)).toBe(true)
  }
  const ask = (zones?: readonly string[], timeout = 5_000) => {
    let now = 10
    descents.start(1, zones, timeout, now)
    for (;;) {
      const effects = out.drain()
      const done = effects.find((effect) => effect.type === 'descentDone')
      if (done !== undefined) {
        expect([descents.underway, descents.deadline()]).toEqual([0, undefined])
        expect(now).toBeLessThanOrEqual(timeout + 10)
        return done.answer
      }
      const asks = effects.filter((effect): effect is Extract<Effect, { type: 'ask' }> => effect.type === 'ask')
      for (const effect of asks) respond(effect, now)
      if (asks.length > 0) continue
      now = descents.deadline() ?? Number.NaN
      descents.check(now)
    }
  }
  return { ask, asked, dialled, descents, out }
}

const [A, B, C] = [leaf('/eu/a', 3), leaf('/eu/b', 2), leaf('/us/c', 1)]
const [EU, US] = [inner('/eu', [A, B]), inner('/us', [C])]
const TOP = [EU, US]
const HONEST = { 'i/eu': () => page([A, B]), 'i/us': () => page([C]) }
const names = ({ zones }: DescentAnswer) => zones.map((zone) => childKey(zone))
const state = ({ visited }: DescentAnswer) =>
  visited.map(({ zone, state: how, missing }) => `${zone} ${how} ${missing}`)

describe('the zones below inner zones', () => {
  it('come from a reporter of each, proven, in one question for each', () => {
    const { ask, asked } = world({ top: TOP, answers: HONEST })
    const answer = ask()
    expect(answer.zones.map(({ zone, dark, by, digest: said }) => [zone, dark, by, said?.figures.counts.up])).toEqual([
      ['/eu/a', false, 'r/eu/a', 3],
      ['/eu/b', false, 'r/eu/b', 2],
      ['/us/c', false, 'r/us/c', 1],
    ])
    expect([asked, answer.full]).toEqual([['i/eu /eu', 'i/us /us'], false])
    expect(answer.visited).toEqual(
      ['/eu', '/us'].map((zone) => ({ zone, state: 'answered', missing: 0, disagrees: false, partial: false })),
    )
  })

  it.each([
    [['/eu/*'], ['/eu/a', '/eu/b', '/us/*'], ['i/eu /eu']],
    [['/eu/a'], ['/eu/a', '/eu/b', '/us/*'], ['i/eu /eu']],
    [['/eu'], ['/eu/*', '/us/*'], []],
    [['/**/c'], ['/eu/a', '/eu/b', '/us/c'], ['i/eu /eu', 'i/us /us']],
    [['/e*/b', '/x'], ['/eu/a', '/eu/b', '/us/*'], ['i/eu /eu']],
  ])('%j are looked for where they may be only', (zones, found, questions) => {
    const { ask, asked } = world({ top: TOP, answers: HONEST })
    expect([names(ask(zones)), asked]).toEqual([found, questions])
  })

  it('are found at any depth', () => {
    const deep = leaf('/eu/n/s/x', 4)
    const [s, other] = [inner('/eu/n/s', [deep]), leaf('/eu/n/t', 1)]
    const n = inner('/eu/n', [s, other])
    const answers = {
      'i/eu': () => page([n]),
      'i/eu/n': () => page([s, other]),
      'i/eu/n/s': () => page([deep]),
    }
    const { ask, asked } = world({ top: [inner('/eu', [n])], answers })
    expect(names(ask())).toEqual(['/eu/n/s/x', '/eu/n/t'])
    expect(asked).toEqual(['i/eu /eu', 'i/eu/n /eu/n', 'i/eu/n/s /eu/n/s'])
  })

  it('come page by page', () => {
    const many = Array.from({ length: 70 }, (_, at) => leaf(`/eu/z${String(at).padStart(2, '0')}`, 1))
    const answers = {
      'i/eu': ({ afterChild = '' }: QueryRequest) => {
        const rest = many.filter((child) => childKey(child) > afterChild)
        return { ...page(rest.slice(0, limits.queryChildren)), more: rest.length > limits.queryChildren }
      },
    }
    const answer = world({ top: [inner('/eu', many)], answers }).ask()
    expect([answer.zones.length, state(answer)]).toEqual([70, ['/eu answered 0']])
  })

  it('are proven as far as their authors are told: one that is unknown keeps nobody else from being asked for', () => {
    const many = Array.from({ length: limits.queryChildren }, (_, at) => leaf(`/eu/z${String(at).padStart(2, '0')}`, 1))
    const told = many.filter((_, at) => at % 4 === 3).map(({ by }) => by)
    const answers = { 'i/eu': () => page(many) }
    const answer = world({ top: [inner('/eu', many)], answers, knows: (node) => told.includes(node) }).ask()
    expect(answer.zones.flatMap(({ by = [] }) => by)).toEqual(told)
    expect(answer.visited).toMatchObject([{ state: 'answered', partial: true }])
  })

  it('that do not exist are not looked for when all is heard here', () => {
    const { ask, asked } = world({ top: [leaf('/a', 1)], answers: {} })
    expect([names(ask()), asked]).toEqual([['/a'], []])
  })
})

describe('a reporter that is silent', () => {
  it('gives its turn to the next after a hedge', () => {
    const { ask, asked } = world({ top: TOP, answers: { 's/eu': HONEST['i/eu'], 'i/us': HONEST['i/us'] } })
    expect(names(ask())).toEqual(['/eu/a', '/eu/b', '/us/c'])
    expect(asked).toEqual(['i/eu /eu', 'i/us /us', 's/eu /eu'])
  })

  it('with all others of its zone leaves the whole of it, and says so at the deadline', () => {
    const answer = world({ top: TOP, answers: { 'i/us': HONEST['i/us'] } }).ask()
    expect([names(answer), state(answer)]).toEqual([
      ['/eu/*', '/us/c'],
      ['/eu silent 0', '/us answered 0'],
    ])
    expect(answer.zones[0]?.digest?.figures.counts.up).toBe(5)
  })

  it('is dialled where it is not linked, a few zones at a time', () => {
    const top = Array.from({ length: 20 }, (_, at) => inner(`/z${at}`, [leaf(`/z${at}/a`, 1)]))
    const { ask, dialled } = world({ top, answers: {}, linked: false })
    const answer = ask()
    expect(answer.visited.every((one) => one.state === 'silent')).toBe(true)
    // Active and standby of as many as may be asked at once: nobody else had a turn.
    expect(new Set(dialled.map((node) => node.slice(1))).size).toBe(limits.descentZonesAtOnce)
  })
})

describe('a reporter that lies', () => {
  it('and leaves a zone out is found by the counts, and the next one is asked as well', () => {
    const liar = { ...HONEST, 'i/eu': () => page([A]) }
    const alone = world({ top: TOP, answers: liar }).ask(['/eu/*'])
    expect([names(alone), state(alone)]).toEqual([['/eu/a', '/us/*'], ['/eu answered 1']])
    const both = world({ top: TOP, answers: { ...liar, 's/eu': HONEST['i/eu'] } }).ask(['/eu/*'])
    expect([names(both), state(both)]).toEqual([['/eu/a', '/eu/b', '/us/*'], ['/eu answered 0']])
  })

  it('and makes up as many dark zones as it leaves out is found by the counts, and the next one is asked as well', () => {
    const many = Array.from({ length: 30 }, (_, at) => leaf(`/eu/z${String(at).padStart(2, '0')}`, 2))
    const made: Told[] = ['/eu/x0', '/eu/x1', '/eu/x2'].map((zone) => ({
      ...leaf(zone, 0),
      dark: true,
      told: undefined,
    }))
    const answers = { 'i/eu': () => page([...many.slice(0, 27), ...made]), 's/eu': () => page(many) }
    const { ask, asked } = world({ top: [inner('/eu', many)], answers })
    const answer = ask()
    expect(asked).toEqual(['i/eu /eu', 's/eu /eu'])
    expect(many.every(({ zone }) => names(answer).includes(zone))).toBe(true)
    const alone = world({ top: [inner('/eu', many)], answers: { 'i/eu': answers['i/eu'] } }).ask()
    expect(state(alone)).toEqual(['/eu answered 3'])
  })

  it('and refuses one of the zone, whom all honest ones tell, is as good as silent', () => {
    const refuses = { refused: 'forbidden' as const }
    const answers = { 'i/eu': () => refuses, 's/eu': () => page([A, B]), 'i/us': () => refuses, 's/us': () => refuses }
    const { ask, asked } = world({ top: TOP, answers, node: { zone: '/eu/a' } })
    expect(state(ask(['/**']))).toEqual(['/eu answered 0', '/us forbidden 0'])
    expect(asked).toEqual(expect.arrayContaining(['i/eu /eu', 's/eu /eu', 'i/us /us']))
    expect(asked).not.toContain('s/us /us')
  })

  it('and tells old digests of its zones is found by the nodes that they count', () => {
    const [old, big] = [leaf('/eu/a', 1), leaf('/eu/a', 30)]
    const answer = world({ top: [inner('/eu', [big, B])], answers: { 'i/eu': () => page([old, B]) } }).ask()
    expect(answer.visited).toMatchObject([{ zone: '/eu', missing: 0, disagrees: true }])
  })

  const sealed = (child: Told, envelope: ReturnType<typeof signed>): Told => ({
    ...child,
    told: { ...(child.told as NonNullable<Told['told']>), envelope },
  })
  const forged: [string, (child: Told) => Told, Options['zoneOf']?][] = [
    ['with a signature of nobody', (a) => sealed(a, signed(a.by, 'dig', { signature: Uint8Array.of(2) }))],
    ['of another mesh', (a) => sealed(a, signed(a.by, 'dig', { mesh8: 'ff'.repeat(8) }))],
    ['signed by a member of another zone', (a) => a, (node) => (node === 'r/eu/a' ? '/us/c' : zoneOf(node))],
    [
      'signed by who was revoked',
      (a) => sealed(a, signed('r/eu/revoked')),
      (node) => (node === 'r/eu/revoked' ? '/eu/a' : zoneOf(node)),
    ],
    ['of another day', () => leaf('/eu/a', 3, { day: DAY_0 - 2 })],
  ]
  it.each(forged)('and tells a digest %s has it known by name only', (_, forge, of) => {
    const answer = world({ top: [EU], answers: { 'i/eu': () => page([forge(A), B]) }, ...(of && { zoneOf: of }) }).ask()
    expect(answer.zones.map(({ zone, dark, digest: said }) => [zone, dark, said === undefined])).toEqual([
      ['/eu/a', true, true],
      ['/eu/b', false, false],
    ])
    expect(answer.visited).toMatchObject([{ zone: '/eu', state: 'answered', partial: true }])
  })

  it.each([
    ['of another zone', [A, leaf('/us/evil', 9)]],
    ['out of order, or twice', [B, A, B]],
  ])('and tells children %s has those left out', (_, children) => {
    const answer = world({ top: [EU], answers: { 'i/eu': () => ({ children }) } }).ask()
    expect(names(answer).filter((name) => !name.startsWith('/eu/'))).toEqual([])
    expect(answer.visited).toMatchObject([{ partial: true }])
  })

  it('and sends pages without end is heard for as many as a zone has', () => {
    let pages = 0
    const answers = {
      'i/eu': () => ({ children: [leaf(`/eu/z${String(++pages).padStart(5, '0')}`, 1)], more: true }),
    }
    const answer = world({ top: [EU], answers }).ask()
    expect([pages, answer.visited[0]?.partial]).toEqual([Math.ceil(limits.zoneChildren / limits.queryChildren), true])
  })
})

describe('a child that is dark', () => {
  it('is told as dark, whatever its last digest counts, and one whose digest is old is dark as well', () => {
    const dark: Told = { ...A, dark: true }
    const old: Told = {
      ...B,
      told: { ...(B.told as NonNullable<Told['told']>), age: limits.darkAfterPromises * D + 1 },
    }
    const answer = world({ top: [EU], answers: { 'i/eu': () => page([dark, old]) } }).ask()
    expect(answer.zones.map((zone) => zone.dark)).toEqual([true, true])
    expect(answer.visited).toMatchObject([{ state: 'answered', missing: 0, partial: false, disagrees: true }])
  })
})

describe('a plain node', () => {
  const inside = { zone: '/eu/a' }
  const answers = {
    mate: () => ({ refused: 'otherZone' as const }),
    far: ({ zone }: QueryRequest) => (zone === '/' ? page(TOP) : { refused: 'otherZone' as const }),
    ...HONEST,
    'i/us': () => ({ refused: 'forbidden' as const }),
    's/us': () => ({ refused: 'forbidden' as const }),
  }
  it('asks who hears the topic below "/", and is told what its own inner zone holds; of others the whole', () => {
    const known = [
      { node: 'near', zone: '/eu/a', reports: 1 },
      { node: 'far', zone: '/us/c', reports: 2 },
    ]
    const { ask, asked } = world({ node: inside, known, answers })
    const answer = ask()
    expect(asked[0]).toBe('far /')
    expect(names(answer)).toEqual(['/eu/a', '/eu/b', '/us/*'])
    expect(state(answer)).toEqual(['/ answered 0', '/eu answered 0', '/us forbidden 0'])
  })

  it('that knows nobody to ask is told nothing, at once', () => {
    const answer = world({ node: inside, answers: {}, linked: false }).ask()
    expect([names(answer), state(answer)]).toEqual([[], ['/ silent 0']])
  })
})

it('no more questions than there is room for are under way: the oldest is answered with what it has', () => {
  const { descents, out } = world({ top: TOP, answers: {} })
  for (let ticket = 1; ticket <= limits.descents + 1; ticket++) descents.start(ticket, undefined, 5_000, 0)
  const done = out.drain().filter((effect) => effect.type === 'descentDone')
  expect(done.map(({ ticket, answer }) => [ticket, names(answer)])).toEqual([[1, ['/eu/*', '/us/*']]])
  expect(descents.underway).toBe(limits.descents)
})
