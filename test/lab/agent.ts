// Runs in a namespace for tests of the laboratory itself: opens plain sockets when it is told to, one JSON line a request on standard
// input and one a response on standard output.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** What a connection came to. */
export interface Outcome {
  connected: boolean
  /** Our own address as the server sees it, `ADDRESS:PORT`, when it said so. */
  seen: string | null
  /** What stopped it: a code such as ECONNREFUSED, or `silence` when the time was over. */
  code: string | null
  bytes: number
  ms: number
}

export interface Requests {
  /** A server that tells everybody how it sees him, and then sends so many bytes and ends; without `bytes` it stays. */
  listen: { port: number; bytes?: number }
  /** Dials, again while it is refused and `again` says so, and resolves at the wanted moment or when the time is over. */
  connect: {
    host: string
    port: number
    from?: number
    again?: boolean
    until: 'connected' | 'seen' | 'end'
    timeout: number
  }
  /** What still comes over the connection that was dialled from a port: until it ends, or nothing came for so many milliseconds. */
  rest: { from: number; silence: number }
  /** Joins a multicast group, and answers with the first text that comes, or null. */
  hear: { group: string; port: number; timeout: number }
  say: { group: string; port: number; text: string }
}

const SENT_TIMES = 3
const MULTICAST_PAUSE = 50
const REFUSED_PAUSE = 20

const handlers: { [name in keyof Requests]: (request: Requests[name]) => Promise<unknown> } = {
  listen,
  connect,
  rest,
  hear,
  say,
}
/** By the port that they were dialled from. */
const dialled = new Map<number, Socket>()

for await (const line of createInterface({ input: process.stdin })) {
  const { id, name, request } = JSON.parse(line)
  const answer = handlers[name as keyof Requests](request)
  answer.then((result) => process.stdout.write(`${JSON.stringify({ id, result })}\n`))
}
process.exit()

async function listen({ port, bytes }: Requests['listen']): Promise<null> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(`${socket.remoteAddress?.replace('::ffff:', '')}:${socket.remotePort}\n`)
    if (bytes !== undefined) socket.end(Buffer.alloc(bytes))
  })
  await once(server.listen(port), 'listening')
  return null
}

async function connect(request: Requests['connect']): Promise<Outcome> {
  const began = performance.now()
  for (;;) {
    const outcome = await attempt(request, began)
    if (outcome.code !== 'ECONNREFUSED' || request.again !== true || outcome.ms > request.timeout) return outcome
    await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE))
  }
}

function attempt({ host, port, from, until, timeout }: Requests['connect'], began: number): Promise<Outcome> {
  const socket = dial({ host, port, ...(from !== undefined && { localPort: from }) })
  if (from !== undefined) dialled.set(from, socket)
  const outcome: Outcome = { connected: false, seen: null, code: null, bytes: 0, ms: 0 }
  return new Promise((resolve) => {
    const done = (code: string | null) => {
      clearTimeout(timer)
      if (code !== null) socket.destroy()
      resolve({ ...outcome, code, ms: performance.now() - began })
    }
    const timer = setTimeout(() => done('silence'), timeout)
    socket.on('connect', () => {
      outcome.connected = true
      if (until === 'connected') done(null)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
    socket.on('end', () => done(null))
    socket.on('data', (chunk) => {
      outcome.bytes += chunk.length
      outcome.seen ??= firstLine(chunk)
      if (until === 'seen') done(null)
    })
  })
}

function rest({ from, silence }: Requests['rest']): Promise<'silence' | 'end'> {
  const socket = dialled.get(from)
  if (socket === undefined) throw new Error(`nothing was dialled from port ${from}`)
  return new Promise((resolve) => {
    if (socket.readableEnded) return resolve('end')
    const done = (why: 'silence' | 'end') => {
      clearTimeout(timer)
      socket.destroy()
      resolve(why)
    }
    const timer = setTimeout(() => done('silence'), silence)
    socket.on('data', () => timer.refresh())
    socket.on('end', () => done('end'))
  })
}

function firstLine(chunk: Buffer): string {
  return chunk.toString('latin1').split('\n')[0] as string
}

async function hear({ group, port, timeout }: Requests['hear']): Promise<string | null> {
  const socket = createSocket({ type: familyOf(group), reuseAddr: true })
  socket.bind(port, () => socket.addMembership(group))
  const timer = setTimeout(() => socket.emit('message', null), timeout)
  const [heard] = await once(socket, 'message')
  clearTimeout(timer)
  socket.close()
  return heard === null ? null : String(heard)
}

async function say({ group, port, text }: Requests['say']): Promise<null> {
  const socket = createSocket(familyOf(group))
  for (let sent = 0; sent < SENT_TIMES; sent++) {
    await new Promise((resolve) => socket.send(text, port, group, resolve))
    await new Promise((resolve) => setTimeout(resolve, MULTICAST_PAUSE))
  }
  socket.close()
  return null
}

function familyOf(group: string): 'udp4' | 'udp6' {
  return group.includes(':') ? 'udp6' : 'udp4'
}
