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
import { apiClient, apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
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

describe('the API', () => {
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
    expect((await client.events()).events).toHaveLength(1)
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
