// /metrics over TCP: for this machine only, and for nobody who comes by another name.
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serveMetrics } from '../../../src/daemon/metrics/listener.ts'

const PAGE = '# HELP x y\n# TYPE x gauge\nx 1\n'

async function served(page = async () => PAGE) {
  const server = await serveMetrics(page, { host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  return async (head: string) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(`${head}\r\nconnection: close\r\n\r\n`)
    return await text(socket)
  }
}

describe('/metrics over TCP', () => {
  it('is served with its content type', async () => {
    const ask = await served()
    const answer = await ask('GET /metrics?x=1 HTTP/1.1\r\nhost: localhost:3141')
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toContain('content-type: text/plain; version=0.0.4; charset=utf-8\r\n')
    expect(answer.endsWith(`\r\n\r\n${PAGE}`)).toBe(true)
    expect(await ask('HEAD /metrics HTTP/1.1\r\nhost: [::1]')).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\n$/s)
    expect(await ask('GET /metrics HTTP/1.1\r\nhost: 127.0.0.1')).toMatch(/^HTTP\/1\.1 200 /)
  })

  it.each([
    ['GET /metrics HTTP/1.1\r\nhost: evil.example', 421],
    ['GET /metrics HTTP/1.1\r\nhost: localhost.evil.example', 421],
    ['GET /metrics HTTP/1.1\r\nhost: evil.example:3141', 421],
    ['GET /metrics HTTP/1.0', 421],
    ['GET /metrics HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example', 403],
    ['GET /v1/status HTTP/1.1\r\nhost: localhost', 404],
    ['GET /metricsx HTTP/1.1\r\nhost: localhost', 404],
    ['POST /metrics HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5', 405],
  ])('T40 refuses %j', async (head, status) => {
    const ask = await served()
    const answer = await ask(head)
    expect(answer.split(' ')[1]).toBe(String(status))
    expect(answer).not.toContain('x 1')
  })

  it('says what is wrong when the page cannot be made, or the port is taken', async () => {
    const ask = await served(() => Promise.reject(new Error('boom')))
    expect(await ask('GET /metrics HTTP/1.1\r\nhost: localhost')).toMatch(/^HTTP\/1\.1 500 .*boom\n$/s)
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    await expect(serveMetrics(async () => PAGE, { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'E_PORT_TAKEN',
      message: `another program listens on 127.0.0.1 port ${port} already: give another port in "http.listen" of the configuration`,
    })
  })
})
