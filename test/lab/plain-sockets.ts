// The tests' side of agents: one in each namespace that is asked for, kept for all questions.
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Outcome, Requests } from './agent.ts'
import type { Network } from './network.ts'

const AGENT = fileURLToPath(new URL('agent.ts', import.meta.url))

interface Agent {
  child: ChildProcess
  waiting: Map<number, (result: unknown) => void>
}

export class PlainSockets {
  readonly #network: Network
  readonly #agents = new Map<string, Agent>()
  #asked = 0

  constructor(network: Network) {
    this.#network = network
  }

  async listen(name: string, port: number, bytes?: number): Promise<void> {
    await this.#ask(name, 'listen', { port, ...(bytes !== undefined && { bytes }) })
  }

  connect(name: string, request: Requests['connect']): Promise<Outcome> {
    return this.#ask(name, 'connect', request) as Promise<Outcome>
  }

  /** Where a server sees a connection come from: `ADDRESS:PORT`. Null when there was none: the time is that of two
   *  SYNs that are lost, which are repeated after 1 and 2 s. */
  async seen(name: string, host: string, port: number, from?: number): Promise<string | null> {
    const request = { host, port, until: 'seen' as const, timeout: 3_500, ...(from !== undefined && { from }) }
    return (await this.connect(name, request)).seen
  }

  rest(name: string, request: Requests['rest']): Promise<'silence' | 'end'> {
    return this.#ask(name, 'rest', request) as Promise<'silence' | 'end'>
  }

  hear(name: string, request: Requests['hear']): Promise<string | null> {
    return this.#ask(name, 'hear', request) as Promise<string | null>
  }

  async say(name: string, request: Requests['say']): Promise<void> {
    await this.#ask(name, 'say', request)
  }

  #ask<N extends keyof Requests>(name: string, kind: N, request: Requests[N]): Promise<unknown> {
    const agent = this.#agents.get(name) ?? this.#start(name)
    const id = ++this.#asked
    return new Promise((resolve) => {
      agent.waiting.set(id, resolve)
      agent.child.stdin?.write(`${JSON.stringify({ id, name: kind, request })}\n`)
    })
  }

  #start(name: string): Agent {
    const child = this.#network.exec(name, process.execPath, [AGENT], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin?.on('error', () => undefined)
    const agent: Agent = { child, waiting: new Map() }
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const { id, result } = JSON.parse(line)
      agent.waiting.get(id)?.(result)
      agent.waiting.delete(id)
    })
    this.#agents.set(name, agent)
    return agent
  }
}
