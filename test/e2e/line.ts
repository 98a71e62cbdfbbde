// A line between nodes that a test holds in its hands: a TCP port on the loopback that leads to another one. What flows towards
// whoever dialled is counted, and flows only as far as the test lets it.
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'

export class Line {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Where it leads to. */
  #target = 0
  #carried = 0
  /** Whole bytes that may still flow. */
  #allowance = Number.POSITIVE_INFINITY
  /** Called when the allowance is used up. */
  #usedUp: (() => void) | undefined
  #waiting: (() => void)[] = []

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (near) => this.#connected(near))
  }

  /** A line that is open and leads nowhere yet. */
  static async make(): Promise<Line> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Line(server)
  }

  /** Multiaddr of the near end. */
  get address(): string {
    return `/ip4/127.0.0.1/tcp/${(this.#server.address() as AddressInfo).port}`
  }

  /** Bytes that went towards those who dialled. */
  get carried(): number {
    return this.#carried
  }

  leadsTo(port: number): void {
    this.#target = port
  }

  /** From now on nothing comes out for whoever dialled; connections stay. */
  hold(): void {
    this.#allow(0)
  }

  open(): void {
    this.#allow(Number.POSITIVE_INFINITY)
  }

  /** Lets so many bytes through and holds the rest. Resolves in the moment in which the last of them is on its way. */
  carry(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#usedUp = resolve
    this.#allow(bytes)
    return promise
  }

  /** Ends it, and all that goes over it. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #allow(bytes: number): void {
    this.#allowance = bytes
    if (bytes > 0) for (const go of this.#waiting.splice(0)) go()
  }

  #connected(near: Socket): void {
    const far = dial(this.#target, '127.0.0.1')
    const end = () => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        end()
      })
      socket.on('error', end)
    }
    near.pipe(far)
    this.#forward(far, near).catch(end)
  }

  async #forward(far: Socket, near: Socket): Promise<void> {
    for await (const chunk of far as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        while (this.#allowance === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
        if (near.destroyed) return
        const part = chunk.subarray(at, at + Math.min(chunk.length - at, this.#allowance))
        at += part.length
        this.#carried += part.length
        this.#allowance -= part.length
        const taken = near.write(part)
        if (this.#allowance === 0) this.#usedUp?.()
        if (!taken) await once(near, 'drain')
      }
    }
  }
}
