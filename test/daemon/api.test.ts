// The real API server and its client, over a real socket.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { pieceLengthFor } from '../../src/core/swarm/pieces.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import { apiClient, apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { EventLog } from '../../src/daemon/event-log.ts'
import { encodingOf } from '../../src/wire/release.ts'
import { TestBackend } from '../cli/backend.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function serve(data?: string) {
  const backend = new TestBackend()
  const folderOfIt = data ?? (await folder())
  const path = apiSocket(folderOfIt)
  const server = await createApiServer(backend, path)
  onTestFinished(() => server.close())
  return { backend, server, path, data: folderOfIt, client: apiClient(folderOfIt) }
}

/** Sends bytes as they are; resolves to all that came back. */
async function raw(path: string, bytes: string): Promise<string> {
  const socket = connect(path)
  socket.on('error', () => undefined)
  socket.write(bytes)
  return await text(socket)
}

describe('the API (clause API)', () => {
  it('answers every question of its client', async () => {
    const { backend, client } = await serve()
    expect(await client.status()).toEqual(backend.now)
    expect(await client.nodes()).toEqual(backend.answer)
    expect(await client.nodes({ zones: ['/a', '/b/c'], timeoutMs: 250 })).toEqual(backend.answer)
    expect(backend.queries).toEqual([
      { zones: undefined, timeoutMs: limits.queryTimeout },
      { zones: ['/a', '/b/c'], timeoutMs: 250 },
    ])
    expect((await client.node('pi-2')).nodes.map((node) => node.name)).toEqual(['pi-2'])
    expect(await client.pulse('a b', 250)).toEqual({ schema: 'pimesh.pulse/1', node: 'a b', roundTripMs: 12 })
    expect(backend.pulses).toEqual([{ node: 'a b', timeoutMs: 250 }])
    expect(await client.events()).toEqual({ schema: 'pimesh.events/1', run: 'first', events: backend.log })
    expect((await client.events(1)).events).toEqual([])
    expect(await client.publishers()).toEqual(backend.held)
    expect(await client.releases()).toEqual(backend.rollout)
    await client.releases({ zones: ['/a'], timeoutMs: 250 })
    await client.releases({ local: true })
    expect(backend.releaseQueries).toEqual([
      { zones: undefined, timeoutMs: limits.queryTimeout, local: false },
      { zones: ['/a'], timeoutMs: 250, local: false },
      { zones: undefined, timeoutMs: limits.queryTimeout, local: true },
    ])
    await client.stop()
    await client.leave()
    expect(backend.stops).toEqual([false, true])
  })

  it('passes on an expected failure with its code, and hides nothing else behind one', async () => {
    const { backend, client } = await serve()
    await expect(client.node('a/b ?&')).rejects.toEqual(new Failure('E_UNKNOWN_NODE', 'no node is called "a/b ?&"'))
    backend.onNodes = () => Promise.reject(new Error('boom'))
    await expect(client.nodes()).rejects.toEqual(new Failure('E_INTERNAL', 'boom'))
  })

  it.each([
    [{ zones: ['west'] }, 'E_ZONE'],
    [{ timeoutMs: 0 }, 'E_USAGE'],
    [{ timeoutMs: limits.apiQueryTimeoutMax + 1 }, 'E_USAGE'],
    [{ zones: Array.from({ length: limits.apiZones + 1 }, () => '/a') }, 'E_USAGE'],
  ])('refuses the question %o', async (query, code) => {
    const { backend, client } = await serve()
    await expect(client.nodes(query)).rejects.toMatchObject({ code })
    expect(backend.queries).toEqual([])
  })

  it.each([
    ['PUT /v1/status HTTP/1.1\r\nhost: x\r\n\r\n', 404],
    ['GET /v2/status HTTP/1.1\r\nhost: x\r\n\r\n', 404],
    ['GET /v1/stop HTTP/1.1\r\nhost: x\r\n\r\n', 404],
    ['GET /v1/nodes/%zz HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['GET /v1/pulse/a?timeoutMs=0 HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    [`POST /v1/stop HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n${'x'.repeat(5_000)}`, 413],
    [`GET /v1/status HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(limits.apiHeaderBytes)}\r\n\r\n`, 431],
    ['nonsense\r\n\r\n', 400],
  ])('refuses %j', async (request, status) => {
    const { backend, path, client } = await serve()
    expect(await raw(path, request)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(backend.stops).toEqual([])
    expect(await client.status()).toEqual(backend.now)
  })

  it('is not disturbed by callers that vanish', async () => {
    const { backend, path, client } = await serve()
    const release = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    backend.onNodes = () => {
      asked.resolve()
      return release.promise
    }
    const socket = connect(path)
    socket.write('GET /v1/nodes HTTP/1.1\r\nhost: x\r\n\r\n')
    await asked.promise
    socket.destroy()
    release.resolve()
    expect(await client.status()).toEqual(backend.now)
  })
})

/** An encoding of `length` bytes, and the bytes in chunks. */
function upload(length: number, chunkBytes = 65_536) {
  const encoding: Encoding = encodingOf({
    type: 'zstd',
    sha256: 'e1'.repeat(32),
    length,
    pieceLength: pieceLengthFor(length),
    pieceList: 'f2'.repeat(32),
  })
  const sent = { bytes: 0 }
  async function* body() {
    for (; sent.bytes < length; ) {
      const chunk = new Uint8Array(Math.min(chunkBytes, length - sent.bytes)).fill(7)
      sent.bytes += chunk.length
      yield chunk
    }
  }
  return { encoding, body: body(), sent }
}

const never = new AbortController().signal

describe('an upload', () => {
  it('hands over the bytes of an encoding', async () => {
    const { backend, client } = await serve()
    const { encoding, body } = upload(300_000)
    await client.importEncoding(encoding, body, never)
    expect(backend.imported.map((one) => one.encoding)).toEqual([encoding])
    expect(Buffer.alloc(300_000, 7).equals(backend.imported[0]!.bytes)).toBe(true)
  })

  it('comes no faster than it is taken', async () => {
    const { backend, client } = await serve()
    const { encoding, body, sent } = upload(32 << 20)
    let taken = 0
    let ahead = 0
    backend.onChunk = async (chunk) => {
      taken += chunk.length
      ahead = Math.max(ahead, sent.bytes - taken)
    }
    await client.importEncoding(encoding, body, never)
    expect(taken).toBe(32 << 20)
    expect(ahead).toBeLessThan(4 << 20)
  })

  it('that is refused at once costs not a byte', async () => {
    const { backend, client } = await serve()
    const { encoding, body, sent } = upload(300_000)
    await expect(client.importEncoding({ ...encoding, pieceLength: 1 }, body, never)).rejects.toEqual(
      new Failure('E_USAGE', 'the parameter pieceLength of an encoding must be 262144 for 300000 bytes'),
    )
    backend.onImport = () => Promise.reject(new Failure('E_NO_MEMBER', 'nobody is linked'))
    await expect(client.importEncoding(encoding, body, never)).rejects.toEqual(
      new Failure('E_NO_MEMBER', 'nobody is linked'),
    )
    expect(sent.bytes).toBe(0)
  })

  it('that is refused in the middle says why, and is not sent to its end', async () => {
    const { backend, client } = await serve()
    const { encoding, body, sent } = upload(1 << 30)
    backend.onChunk = () => Promise.reject(new Failure('E_DISK_FULL', '7 bytes are missing'))
    await expect(client.importEncoding(encoding, body, never)).rejects.toEqual(
      new Failure('E_DISK_FULL', '7 bytes are missing'),
    )
    expect(sent.bytes).toBeLessThan(1 << 30)
    expect(await client.status()).toEqual(backend.now)
  })

  it('that its client gives up ends at the daemon too', async () => {
    const { backend, client } = await serve()
    const { encoding } = upload(300_000)
    const stop = new AbortController()
    const gone = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<unknown>()
    backend.onImport = async (signal) => signal.addEventListener('abort', () => gone.resolve())
    backend.onChunk = async () => stop.abort(new Error('a person stopped it'))
    const importEncoding = backend.importEncoding.bind(backend)
    backend.importEncoding = (...args) => {
      const imported = importEncoding(...args)
      imported.catch(ended.resolve)
      return imported
    }
    async function* begun() {
      yield new Uint8Array(1_000)
      await new Promise(() => undefined)
    }
    await expect(client.importEncoding(encoding, begun(), stop.signal)).rejects.toThrow('a person stopped it')
    await gone.promise
    expect(await ended.promise).toMatchObject({ code: 'E_USAGE', message: expect.stringContaining('before its body') })
    expect(backend.imported).toEqual([])
  })

  it('repeats what its source says', async () => {
    const { backend, client } = await serve()
    const { encoding } = upload(300_000)
    async function* broken() {
      yield new Uint8Array(1_000)
      throw new Failure('E_ARTIFACT', 'the file cannot be read')
    }
    await expect(client.importEncoding(encoding, broken(), never)).rejects.toMatchObject({ code: 'E_ARTIFACT' })
    expect(backend.imported).toEqual([])
  })

  it('that is refused while it comes is answered, also to who sends on', async () => {
    const { backend, path } = await serve()
    backend.onChunk = () => Promise.reject(new Failure('E_DISK_FULL', '7 bytes are missing'))
    const length = String(16 << 20)
    const request = put({ length }, `content-length: ${length}`, 'x'.repeat(16 << 20))
    expect(await raw(path, request)).toMatch(/^HTTP\/1.1 500 [\s\S]*"E_DISK_FULL"/)
  })

  const good = { type: 'zstd', length: '5', pieceLength: '262144', pieceList: 'f2'.repeat(32) }
  const put = (some: object, headers: string, body = '', hash = 'e1'.repeat(32)) =>
    `PUT /v1/encodings/${hash}?${new URLSearchParams({ ...good, ...some })} HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n${body}`
  const five = 'content-length: 5'

  it.each([
    ['another type', put({ type: 'xz' }, five, '12345')],
    ['no hash', put({}, five, '12345', 'e1')],
    ['a hash in capitals', put({}, five, '12345', 'E1'.repeat(32))],
    ['no piece list', put({ pieceList: '' }, five, '12345')],
    ['no length', put({ length: '' }, five, '12345')],
    ['nothing', put({ length: '0' }, 'content-length: 0')],
    ['more than can be cut', put({ length: String(2 ** 34 + 1) }, five, '12345')],
    ['a negative length', put({ length: '-5' }, five, '12345')],
    ['another piece length', put({ pieceLength: '524288' }, five, '12345')],
    ['fewer bytes than it says', put({}, 'content-length: 4', '1234')],
    ['more bytes than it says', put({}, 'content-length: 6', '123456')],
    ['no length of the body', put({}, 'transfer-encoding: chunked', '5\r\n12345\r\n0\r\n\r\n')],
  ])('with %s is refused', async (_, request) => {
    const { backend, path } = await serve()
    expect(await raw(path, request)).toMatch(/^HTTP\/1.1 400 [\s\S]*"E_USAGE"/)
    expect(backend.imported).toEqual([])
  })

  it('is the only one on its connection', async () => {
    const { backend, path } = await serve()
    const answers = await raw(path, put({}, five, '12345') + put({}, five, '67890', 'e2'.repeat(32)))
    expect(answers.match(/HTTP\/1.1 \d+/g)?.[0]).toBe('HTTP/1.1 200')
    expect(backend.imported.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['12345'])
  })
})

describe('a submission', () => {
  const announcement = JSON.stringify({ signed: { role: 'acme', epoch: 1, version: 4 } })

  it('comes whole, also of the largest size', async () => {
    const { backend, client } = await serve()
    const targets = '"'.repeat(limits.rootBytes)
    const largest = announcement + ' '.repeat(limits.announcementBytes - announcement.length)
    expect(await client.submit({ announcement: largest, targets })).toMatchObject({ role: 'acme', version: 4 })
    expect(backend.submitted).toEqual([{ announcement: largest, targets }])
  })

  it('that is refused says why', async () => {
    const { backend, client } = await serve()
    backend.onSubmit = () => Promise.reject(new Failure('E_ANNOUNCEMENT', 'it is older'))
    await expect(client.submit({ announcement, targets: null })).rejects.toEqual(
      new Failure('E_ANNOUNCEMENT', 'it is older'),
    )
  })

  it.each([
    ['too long', JSON.stringify({ announcement: 'x'.repeat(limits.apiSubmitBytes), targets: null }), 413],
    ['no JSON', '{', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['without targets', '{"announcement":"x"}', 400],
    ['of objects', '{"announcement":{},"targets":{}}', 400],
  ])('that is %s is refused', async (_, body, status) => {
    const { backend, path } = await serve()
    const request = `POST /v1/announcements HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    expect(await raw(path, request)).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*"E_USAGE"`))
    expect(backend.submitted).toEqual([])
  })
})

describe('events', () => {
  it('are numbered, so that who follows misses none and sees none twice', () => {
    const log = new EventLog({ level: 'error', write: () => undefined, nameOf: (node) => node, now: () => 10 })
    for (let i = 1; i <= limits.events + 2; i++) log.say('info', 'test', `event ${i}`)
    expect(log.since(0)).toHaveLength(limits.events)
    expect(log.since(0)[0]).toEqual({ seq: 3, ageMs: 0, type: 'test', text: 'event 3' })
    expect(log.since(limits.events + 1).map(({ seq }) => seq)).toEqual([limits.events + 2])
    expect(log.since(limits.events + 2)).toEqual([])
  })

  it.each(['after=-1', 'after=x', 'after='])('are not asked for by ?%s', async (query) => {
    const { path } = await serve()
    expect(await raw(path, `GET /v1/events?${query} HTTP/1.1\r\nhost: x\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /)
  })
})

describe('the socket', () => {
  it('may be opened by its owner and group only, and goes away with the server', async () => {
    const umask = process.umask(0)
    onTestFinished(() => void process.umask(umask))
    const { server, path } = await serve()
    expect(statSync(path).mode & 0o777).toBe(0o660)
    expect(process.umask(umask)).toBe(0)
    await server.close()
    expect(existsSync(path)).toBe(false)
  })

  it('of a daemon that died is replaced; of one that lives it is not', async () => {
    const data = await folder()
    const path = apiSocket(data)
    const dying = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', dying])
    expect(existsSync(path)).toBe(true)
    const { client, backend } = await serve(data)
    await expect(createApiServer(new TestBackend(), path)).rejects.toMatchObject({ code: 'E_DATA_OPEN' })
    expect(await client.status()).toEqual(backend.now)
  })

  it('is made where it can be, else there is one sentence', async () => {
    const data = await folder()
    const create = (path: string) => createApiServer(new TestBackend(), path)
    await expect(create(`${data}/${'x'.repeat(limits.apiPathBytes)}`)).rejects.toMatchObject({ code: 'E_CONFIG' })
    await expect(create(`${data}/missing/api.sock`)).rejects.toMatchObject({ code: 'E_DATA_WRITE' })
    writeFileSync(`${data}/api.sock`, 'mine')
    await expect(create(`${data}/api.sock`)).rejects.toMatchObject({ code: 'E_DATA_WRITE' })
    expect(readdirSync(data)).toEqual(['api.sock'])
  })

  it('lets an answer under way finish when the server closes', async () => {
    const { backend, server, client } = await serve()
    const asked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    backend.onNodes = () => {
      asked.resolve()
      return release.promise
    }
    const answer = client.nodes()
    await asked.promise
    const closed = server.close()
    release.resolve()
    expect(await answer).toEqual(backend.answer)
    await closed
  })

  it('closes although an answer never comes', async () => {
    const { backend, server, client } = await serve()
    const asked = Promise.withResolvers<void>()
    backend.onNodes = () => {
      asked.resolve()
      return new Promise(() => undefined)
    }
    const answer = client.nodes()
    const rejected = expect(answer).rejects.toMatchObject({ code: 'E_NO_DAEMON' })
    await asked.promise
    await server.close()
    await rejected
  })
})

describe('without a daemon the client says in one sentence', () => {
  it('that there is no such folder, or that none runs', async () => {
    const data = await folder()
    await expect(apiClient(`${data}/none`).status()).rejects.toMatchObject({
      code: 'E_NO_DAEMON',
      message: expect.stringContaining('there is no such folder'),
    })
    await expect(apiClient(data).status()).rejects.toMatchObject({
      code: 'E_NO_DAEMON',
      message: expect.stringContaining('start it with "pimesh up'),
    })
  })

  it.skipIf(process.getuid?.() === 0)(
    'that the socket belongs to another user (skipped for root, who may open all)',
    async () => {
      const { path, client } = await serve()
      chmodSync(path, 0)
      await expect(client.status()).rejects.toMatchObject({ message: expect.stringContaining('another user') })
    },
  )

  it('that what answers is no daemon', async () => {
    const { createServer } = await import('node:http')
    const data = await folder()
    const server = createServer((_, response) => response.end('<html>')).listen(apiSocket(data))
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    await expect(apiClient(data).status()).rejects.toMatchObject({ code: 'E_PROTOCOL' })
  })
})

describe('targets that are handed in', () => {
  const targets = JSON.stringify({ signed: { version: 4 } })

  it('come whole, and are answered or refused (clause API 5)', async () => {
    const { backend, client } = await serve()
    expect(await client.delegate(targets)).toEqual({ schema: 'pimesh.delegated/1', version: 4, linked: 2 })
    backend.onDelegate = () => Promise.reject(new Failure('E_TARGETS', 'they are older'))
    await expect(client.delegate(targets)).rejects.toEqual(new Failure('E_TARGETS', 'they are older'))
    expect(backend.delegated).toEqual([targets, targets])
  })

  it.each([
    ['too long', JSON.stringify({ targets: 'x'.repeat(limits.apiSubmitBytes) }), 413],
    ['no JSON', '{', 400],
    ['null', 'null', 400],
    ['an object', '{"targets":{}}', 400],
  ])('that are %s are refused', async (_, body, status) => {
    const { backend, path } = await serve()
    const request = `POST /v1/targets HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`
    expect(await raw(path, request)).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*"E_USAGE"`))
    expect(backend.delegated).toEqual([])
  })
})
