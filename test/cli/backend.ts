// A backend for the real API server: answers what the test wants and remembers what it was asked.

import { Failure } from '../../src/core/failure.ts'
import type { ApiBackend, NodesQuery } from '../../src/daemon/api-server.ts'
import type { NodesJson, StatusJson } from '../../src/daemon/api-types.ts'
import { nodeJson, nodesJson, statusJson } from './answers.ts'

export class TestBackend implements ApiBackend {
  answer: NodesJson = nodesJson([nodeJson({ name: 'pi-1' }), nodeJson({ name: 'pi-2' })])
  now: StatusJson = statusJson()
  readonly queries: NodesQuery[] = []
  readonly stops: boolean[] = []
  /** Called for each question about nodes, before it is answered. */
  onNodes: () => Promise<void> = async () => undefined

  status(): StatusJson {
    return this.now
  }

  async nodes(query: NodesQuery): Promise<NodesJson> {
    this.queries.push(query)
    await this.onNodes()
    return this.answer
  }

  async node(which: string): Promise<NodesJson> {
    const nodes = this.answer.nodes.filter((node) => node.name === which)
    if (nodes.length === 0) throw new Failure('E_UNKNOWN_NODE', `no node is called "${which}"`)
    return { ...this.answer, nodes }
  }

  events() {
    return { schema: 'pimesh.events/1' as const, events: [{ ageMs: 5, type: 'status', text: 'pi-1 is up' }] }
  }

  async stop(leave: boolean): Promise<void> {
    this.stops.push(leave)
  }
}
