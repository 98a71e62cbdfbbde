import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import {
  type Contact,
  type Hello,
  NOTHING,
  type QueryResponse,
  type SyncRequest,
  type SyncResponse,
} from '../../src/core/protocols.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { decodeHead, encodeHead } from '../../src/wire/head.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, messageBytes } from '../../src/wire/messages.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import { announcementOf, identityOf, statementOf, targetsOf } from '../fixtures/documents.ts'
import {
  anyHead,
  anyHello,
  anyQueryRequest,
  anyQueryResponse,
  sampleMembership,
  sampleNode,
  sampleRoot,
  sampleRow,
} from './samples.ts'

const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })
const hello: Hello = {
  rootVersion: 3,
  rootHash: 'ab'.repeat(32),
  zone: '/uk/glasgow/lab3/~07',
  serves: true,
  addresses: ['/ip4/192.168.1.5/tcp/31415'],
  contacts: [],
  yours: undefined,
  vector: EMPTY_VECTOR,
}

describe('hello (clause HELLO)', () => {
  it('comes back as it was sent, as a request and as a response', () => {
    fc.assert(
      fc.property(anyHello, (body) => {
        const message = { protocol: 'hello', body } as const
        expect(decodeRequest('hello', encodeRequest(message))).toEqual(message)
        expect(decodeResponse('hello', encodeResponse(message))).toEqual(message)
      }),
    )
  })

  it('leaves out the last contacts and addresses when it would grow beyond its bounds', () => {
    const long = `/dns4/${'a'.repeat(limits.addressLength - 16)}/tcp/1`
    const contacts: Contact[] = Array.from({ length: 100 }, (_, seed) => ({
      node: sampleNode(seed),
      zone: `/${'z'.repeat(32)}`,
      addresses: Array(10).fill(long),
      age: seed,
      serves: true,
    }))
    const bytes = encodeRequest({ protocol: 'hello', body: { ...hello, addresses: Array(10).fill(long), contacts } })
    expect(bytes.length).toBeLessThanOrEqual(messageBytes.hello.request)
    const { body } = decodeRequest('hello', bytes) as { body: Hello }
    expect(body.addresses).toHaveLength(limits.addressesPerContact)
    expect(body.contacts.length).toBeGreaterThan(10)
    expect(body.contacts.map(({ age }) => age)).toEqual(body.contacts.map((_, index) => index))
    const short = contacts.map((contact) => ({ ...contact, addresses: [] }))
    const all = encodeRequest({ protocol: 'hello', body: { ...hello, contacts: short } })
    expect((decodeRequest('hello', all) as { body: Hello }).body.contacts).toHaveLength(limits.helloContacts)
  })

  it('leaves out contacts, never a role of the version vector (clause VECTOR)', () => {
    const hash = 'ab'.repeat(32)
    const heads = Array.from({ length: limits.delegatedRoles }, (_, index) => ({
      role: `${'r'.repeat(30)}${String(index).padStart(2, '0')}`,
      ...{ epoch: 2 ** 31 - 1, rotation: 255, version: 2 ** 31 - 1, hash, rival: 'cd'.repeat(32) },
    }))
    const long = `/dns4/${'a'.repeat(limits.addressLength - 16)}/tcp/1`
    const contacts = Array.from({ length: limits.helloContacts }, (_, seed) => ({
      ...{
        node: sampleNode(seed),
        zone: `/${'z'.repeat(32)}`,
        addresses: Array(6).fill(long),
        age: seed,
        serves: true,
      },
    }))
    const vector = { targetsVersion: 2 ** 31 - 1, targetsHash: hash, heads }
    const body = { ...hello, addresses: Array(6).fill(long), contacts, vector, yours: { incarnation: 1, counter: 1 } }
    const bytes = encodeRequest({ protocol: 'hello', body })
    expect(bytes.length).toBeLessThanOrEqual(messageBytes.hello.request)
    const read = (decodeRequest('hello', bytes) as { body: Hello }).body
    expect(read.vector).toEqual(vector)
    expect(read.contacts.length).toBeGreaterThan(10)
  })

  it('of a pimesh that knows of another kind of NAT is read all the same (clause REACH 1)', () => {
    const reach = new MessageWriter().bool(1, true).uint(2, 77).finish()
    const newer = new MessageWriter().bytes(2, new Uint8Array(32)).text(3, '/a').bytes(13, reach).finish()
    expect((decodeRequest('hello', newer) as { body: Hello }).body.reach).toEqual({ relays: true, nat: 'unknown' })
  })

  it('of a pimesh that knows no publishers has an empty vector', () => {
    const older = new MessageWriter().bytes(2, new Uint8Array(32)).text(3, '/a').finish()
    expect((decodeRequest('hello', older) as { body: Hello }).body.vector).toEqual(EMPTY_VECTOR)
  })

  it('does not send an address that is too long or no address (clause CONTACT 2)', () => {
    const addresses = ['not an address', `/dns4/${'a'.repeat(limits.addressLength)}/tcp/1`, '/ip4/10.0.0.1/tcp/1']
    const bytes = encodeRequest({ protocol: 'hello', body: { ...hello, addresses } })
    expect((decodeRequest('hello', bytes) as { body: Hello }).body.addresses).toEqual(['/ip4/10.0.0.1/tcp/1'])
  })

  const start = () => new MessageWriter().bytes(2, new Uint8Array(32))
  const contact = () => new MessageWriter().text(1, sampleNode(1))
  const head = (role = 'a', version = 1, rival?: Uint8Array) => {
    const message = new MessageWriter().text(1, role).uint(2, 1).uint(3, version).bytes(4, new Uint8Array(32))
    return (rival === undefined ? message : message.bytes(5, rival)).finish()
  }
  it.each([
    ['without a zone', start()],
    ['with a zone that is none', start().text(3, 'uk')],
    ['with seven addresses', start().text(3, '/a').texts(5, Array(7).fill('/ip4/10.0.0.1/tcp/1'))],
    ['with an address that is none', start().text(3, '/a').text(5, 'ten')],
    ['with a hash of 31 bytes', new MessageWriter().bytes(2, new Uint8Array(31)).text(3, '/a')],
    [
      'with a contact that is no node',
      start()
        .text(3, '/a')
        .bytes(6, new MessageWriter().text(1, 'x'.repeat(52)).finish()),
    ],
    ['with a targets version without its hash', start().text(3, '/a').uint(8, 1)],
    ['with a targets hash without its version', start().text(3, '/a').bytes(9, new Uint8Array(32))],
    ['with a role twice', start().text(3, '/a').bytes(10, head()).bytes(10, head())],
    ['with a role of no name', start().text(3, '/a').bytes(10, head('A'))],
    ['with a role without a version', start().text(3, '/a').bytes(10, head('a', 0))],
    [
      'with a rival of itself',
      start()
        .text(3, '/a')
        .bytes(10, head('a', 1, new Uint8Array(32))),
    ],
    ['with a contact in no zone', start().text(3, '/a').bytes(6, contact().text(2, '//').finish())],
    ['with a contact without a node', start().text(3, '/a').bytes(6, new MessageWriter().text(2, '/a').finish())],
  ])('is refused %s', (_name, message) => {
    expect(() => decodeRequest('hello', message.finish())).toThrow(protocolFailure)
  })
})

describe('a head (clause HEAD 1)', () => {
  it('comes back as it was sent, within its bound', () => {
    fc.assert(
      fc.property(anyHead, (head) => {
        expect(encodeHead(head).length).toBeLessThanOrEqual(limits.headBytes)
        expect(decodeHead(encodeHead(head))).toEqual(head)
      }),
    )
  })

  it('names a rotation when there is one, and is the same bytes as ever when there is none (clause HEAD 1)', () => {
    const good = { role: 'acme', epoch: 1, version: 1, hash: 'ab'.repeat(32) }
    expect(Buffer.from(encodeHead(good)).toString('hex')).toBe(`0a0461636d65100118012220${'ab'.repeat(32)}`)
    for (const rotation of [1, 8, 255])
      expect(decodeHead(encodeHead({ ...good, rotation }))).toEqual({ ...good, rotation })
    expect(() => decodeHead(encodeHead({ ...good, rotation: 256 }))).toThrow(protocolFailure)
    const longest = {
      role: 'r'.repeat(32),
      epoch: 2 ** 31 - 1,
      rotation: 255,
      version: 2 ** 31 - 1,
      hash: 'ab'.repeat(32),
    }
    expect(encodeHead(longest).length).toBeLessThanOrEqual(limits.headBytes)
  })

  it('is refused without an order, beyond its bound, and by a role that is none', () => {
    const good = { role: 'acme', epoch: 1, version: 1, hash: 'ab'.repeat(32) }
    for (const bad of [{ epoch: 0 }, { version: 0 }, { version: 2 ** 31 }, { role: '' }, { role: 'Acme' }])
      expect(() => decodeHead(encodeHead({ ...good, ...bad }))).toThrow(protocolFailure)
    const padded = Uint8Array.from([...encodeHead(good), 0x7a, 120, ...new Uint8Array(120)])
    expect(() => decodeHead(padded)).toThrow(protocolFailure)
  })
})

describe('sync (clause SYNC)', () => {
  const ids = ['00'.repeat(16), 'ff'.repeat(16)]
  const hashes = ['00'.repeat(32), 'ff'.repeat(32)]
  const questions: SyncRequest[] = [
    { type: 'memberships', ids },
    { type: 'roots', from: 7 },
    { type: 'targets' },
    { type: 'announcements', hashes },
    { type: 'pieceList', hash: hashes[0] as string },
  ]
  it.each(questions)('asks for $type', (body) => {
    const message = { protocol: 'sync', body } as const
    expect(decodeRequest('sync', encodeRequest(message))).toEqual(message)
  })

  it('asks for one kind of thing, not for two or nothing', () => {
    const both = new MessageWriter().bytes(1, new Uint8Array(16)).uint(2, 1).finish()
    expect(() => decodeRequest('sync', both)).toThrow(protocolFailure)
    const others = new MessageWriter().bool(3, true).bytes(5, new Uint8Array(32)).finish()
    expect(() => decodeRequest('sync', others)).toThrow(protocolFailure)
    expect(() => decodeRequest('sync', new Uint8Array())).toThrow(protocolFailure)
  })

  it('asks for no more than one answer may hold', () => {
    const full = Array(limits.syncMemberships).fill(ids[0])
    const request = (list: string[]) => encodeRequest({ protocol: 'sync', body: { type: 'memberships', ids: list } })
    expect(request(full).length).toBeLessThanOrEqual(messageBytes.sync.request)
    expect(() => request([...full, ids[0] as string])).toThrow(protocolFailure)
    const many = { type: 'announcements', hashes: Array(limits.syncAnnouncements + 1).fill(hashes[0]) } as const
    expect(() => encodeRequest({ protocol: 'sync', body: many })).toThrow(protocolFailure)
  })

  it('carries documents as the bytes that were signed', () => {
    const body: SyncResponse = {
      memberships: [sampleMembership(1), sampleMembership(2)],
      roots: [sampleRoot(1), sampleRoot(2)],
      targets: targetsOf(),
      announcements: [announcementOf(), announcementOf({ version: 2 })],
      pieceList: identityOf(new Uint8Array(600_000)).list,
      statements: [statementOf(), statementOf({ version: 2 })],
    }
    const message = { protocol: 'sync', body } as const
    expect(decodeResponse('sync', encodeResponse(message))).toEqual(message)
  })

  it('leaves out what does not fit, from the end', () => {
    const large = { ...sampleRoot(1), raw: new Uint8Array(limits.rootBytes) }
    const bytes = encodeResponse({ protocol: 'sync', body: { ...NOTHING, roots: Array(8).fill(large) } })
    expect(bytes.length).toBeLessThanOrEqual(messageBytes.sync.response)
    expect(bytes.length).toBeGreaterThan(3 * limits.rootBytes)
    const list = new Uint8Array(limits.pieces * 32)
    const whole = encodeResponse({ protocol: 'sync', body: { ...NOTHING, pieceList: list } })
    expect(decodeResponse('sync', whole)).toEqual({ protocol: 'sync', body: { ...NOTHING, pieceList: list } })
  })

  it('refuses a piece list that is cut off or empty', () => {
    for (const length of [0, 31, 33, limits.pieces * 32 + 32]) {
      const bad = new MessageWriter().bytes(5, new Uint8Array(length)).finish()
      expect(() => decodeResponse('sync', bad)).toThrow(protocolFailure)
    }
  })

  it('refuses a document that is not well formed', () => {
    const bad = new MessageWriter().bytes(1, Uint8Array.of(0x7b)).finish()
    expect(() => decodeResponse('sync', bad)).toThrow(expect.objectContaining({ code: 'E_DOCUMENT' }))
  })
})

describe('query (clause QUERY)', () => {
  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(anyQueryRequest, anyQueryResponse, (request, response) => {
        const [asked, answered] = [
          { protocol: 'query', body: request } as const,
          { protocol: 'query', body: response } as const,
        ]
        expect(decodeRequest('query', encodeRequest(asked))).toEqual(asked)
        expect(decodeResponse('query', encodeResponse(answered))).toEqual(answered)
      }),
    )
  })

  it('says that there is more when the rows do not fit', () => {
    const rows = Array.from({ length: limits.queryRows + 1 }, (_, seed) => sampleRow(seed))
    const counts = { up: 1, late: 2, down: 3, left: 4 }
    const encode = (count: number) =>
      encodeResponse({
        protocol: 'query',
        body: { refused: undefined, counts, rows: rows.slice(0, count), more: false },
      })
    expect(encode(limits.queryRows).length).toBeLessThanOrEqual(messageBytes.query.response)
    const page = decodeResponse('query', encode(limits.queryRows))
    expect(page).toMatchObject({ body: { more: false, counts } })
    const cut = decodeResponse('query', encode(limits.queryRows + 1)) as { body: QueryResponse }
    expect([cut.body.rows.length, cut.body.more]).toEqual([limits.queryRows, true])
  })

  it('keeps an unknown age apart from an age of zero', () => {
    const ages = [null, 0, 0.4].map((age) => ({ ...sampleRow(), age }))
    const body = { refused: undefined, counts: { up: 0, late: 0, down: 0, left: 0 }, rows: ages, more: false }
    const decoded = decodeResponse('query', encodeResponse({ protocol: 'query', body })) as { body: QueryResponse }
    expect(decoded.body.rows.map(({ age }) => age)).toEqual([null, 0, 0])
  })

  it('refuses a row whose envelope is no record, and a status or a refusal that it does not know', () => {
    const row = (status: number) =>
      new MessageWriter().text(1, sampleNode(1)).bytes(2, sampleRow().envelope.raw).uint(3, status).finish()
    const response = (refusal: number, status: number) =>
      new MessageWriter().uint(1, refusal).bytes(2, new Uint8Array()).bytes(3, row(status)).finish()
    expect(decodeResponse('query', response(0, 1))).toMatchObject({ body: { rows: [{ status: 'up' }] } })
    expect(() => decodeResponse('query', response(0, 5))).toThrow(protocolFailure)
    expect(() => decodeResponse('query', response(0, 0))).toThrow(protocolFailure)
    expect(() => decodeResponse('query', response(3, 1))).toThrow(protocolFailure)
  })
})
