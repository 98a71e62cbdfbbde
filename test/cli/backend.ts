// A backend for the real API server: answers what the test wants and remembers what it was asked.

import { Failure } from '../../src/core/failure.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import type { FleetJson, QuestionJson } from '../../src/daemon/api-fleet-types.ts'
import type { AskedQuestion, HistoryQuery, NodesQuery, ReleasesQuery } from '../../src/daemon/api-queries.ts'
import type { PulseJson } from '../../src/daemon/api-reach-types.ts'
import type { ApiBackend } from '../../src/daemon/api-server.ts'
import type {
  AuditJson,
  DelegatedJson,
  EnrolmentJson,
  EventsJson,
  HistoryJson,
  NodesJson,
  PublishersJson,
  ReleasesJson,
  RootedJson,
  RootJson,
  RootsJson,
  StatedJson,
  StateJson,
  StatusJson,
  SubmitJson,
  SubmittedJson,
  TargetsJson,
} from '../../src/daemon/api-types.ts'
import {
  fleetJson,
  nodeJson,
  nodesJson,
  publishersJson,
  questionJson,
  releaseJson,
  releasesJson,
  statusJson,
} from './answers.ts'

type Rooted = { signed: { version: number } }

export class TestBackend implements ApiBackend {
  answer: NodesJson = nodesJson([nodeJson({ name: 'pi-1' }), nodeJson({ name: 'pi-2' })])
  now: StatusJson = statusJson()
  metricsPage = '# HELP x y\n# TYPE x gauge\nx 1\n'
  readonly queries: NodesQuery[] = []
  /** What is answered about values over time; undefined: nobody keeps any. */
  past: HistoryJson | undefined
  readonly historyQueries: HistoryQuery[] = []
  readonly pulses: { node: string; timeoutMs: number }[] = []
  readonly stops: boolean[] = []
  run = 'first'
  log: EventsJson['events'] = [{ seq: 1, ageMs: 5, type: 'status', text: 'pi-1 is up' }]
  audited: AuditJson['entries'] = []
  rollout: ReleasesJson = releasesJson([releaseJson()])
  held: PublishersJson = publishersJson()
  readonly releaseQueries: ReleasesQuery[] = []
  readonly imported: { encoding: Encoding; bytes: Uint8Array }[] = []
  readonly submitted: SubmitJson[] = []
  /** What is answered about releases. */
  onReleases: (answer: ReleasesJson) => ReleasesJson | Promise<ReleasesJson> = (answer) => answer
  /** Called before the first byte of an upload is taken, and after each chunk. */
  onImport: (signal: AbortSignal) => Promise<void> = async () => undefined
  onChunk: (chunk: Uint8Array) => Promise<void> = async () => undefined
  onSubmit: (body: SubmitJson) => Promise<SubmittedJson> = async ({ announcement }) => {
    const { role, epoch, version } = (JSON.parse(announcement) as { signed: SubmittedJson }).signed
    return { schema: 'pimesh.submitted/1', role, epoch, version, hash: 'cd'.repeat(32), linked: this.held.linked }
  }
  readonly stated: string[] = []
  /** Roots that it lacked, and all of the last ones that were handed in. */
  readonly rooted: string[] = []
  offered: readonly string[] = []
  readonly delegated: string[] = []
  rootVersion = 1
  heldRoot: string | undefined
  /** Roots that it hands over, so many at once. */
  served: readonly string[] = []
  page = 2
  /** Called before roots, and before targets, are in force. */
  onRoot: () => Promise<void> = async () => undefined
  onDelegate: () => Promise<void> = async () => undefined
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

  known: FleetJson = fleetJson()
  figures: QuestionJson = questionJson()
  readonly questions: AskedQuestion[] = []
  /** Called for each question about figures, before it is answered. */
  onQuestion: () => Promise<void> = async () => undefined

  async fleet(): Promise<FleetJson> {
    return this.known
  }

  async query(asked: AskedQuestion): Promise<QuestionJson> {
    this.questions.push(asked)
    await this.onQuestion()
    return this.figures
  }

  async history(query: HistoryQuery): Promise<HistoryJson> {
    this.historyQueries.push(query)
    if (this.past === undefined) throw new Failure('E_HISTORY', 'there are no values of "pi-1" (up)')
    return this.past
  }

  async node(which: string): Promise<NodesJson> {
    const nodes = this.answer.nodes.filter((node) => node.name === which)
    if (nodes.length === 0) throw new Failure('E_UNKNOWN_NODE', `no node is called "${which}"`)
    return { ...this.answer, nodes }
  }

  async pulse(node: string, timeoutMs: number): Promise<PulseJson> {
    this.pulses.push({ node, timeoutMs })
    return { schema: 'pimesh.pulse/1', node, roundTripMs: 12 }
  }

  enrolment(): EnrolmentJson {
    const { mesh, linked } = this.held
    return {
      schema: 'pimesh.enrolment/1',
      mesh,
      linked,
      rootVersion: this.rootVersion,
      ...(this.heldRoot === undefined ? {} : { root: this.heldRoot }),
      statements: this.stated.slice(-1),
    }
  }

  async state({ statement }: StateJson): Promise<StatedJson> {
    this.stated.push(statement)
    const { enroller, version } = (JSON.parse(statement) as { signed: StatedJson }).signed
    return { schema: 'pimesh.stated/1', enroller, version, hash: 'cd'.repeat(32), linked: this.held.linked }
  }

  roots(from: number): RootsJson {
    const roots = this.served.filter((root) => (JSON.parse(root) as Rooted).signed.version >= from)
    return { schema: 'pimesh.roots/1', roots: roots.slice(0, this.page) }
  }

  async root({ roots }: RootJson): Promise<RootedJson> {
    this.offered = roots
    const newer = roots.filter((root) => (JSON.parse(root) as Rooted).signed.version > this.rootVersion)
    this.rooted.push(...newer)
    await this.onRoot()
    this.rootVersion += newer.length
    return { schema: 'pimesh.rooted/1', version: this.rootVersion, linked: this.held.linked }
  }

  async delegate({ targets }: TargetsJson): Promise<DelegatedJson> {
    this.delegated.push(targets)
    await this.onDelegate()
    const { version } = (JSON.parse(targets) as { signed: DelegatedJson }).signed
    return { schema: 'pimesh.delegated/1', version, linked: this.held.linked }
  }

  events(after: number): EventsJson {
    return { schema: 'pimesh.events/1', run: this.run, events: this.log.filter(({ seq }) => seq > after) }
  }

  async metrics(): Promise<string> {
    return this.metricsPage
  }

  audit(): AuditJson {
    return { schema: 'pimesh.audit/1', entries: this.audited }
  }

  async releases(query: ReleasesQuery): Promise<ReleasesJson> {
    this.releaseQueries.push(query)
    return await this.onReleases(this.rollout)
  }

  publishers(): PublishersJson {
    return this.held
  }

  async importEncoding(encoding: Encoding, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    await this.onImport(signal)
    const chunks: Uint8Array[] = []
    for await (const chunk of body) {
      chunks.push(chunk)
      await this.onChunk(chunk)
    }
    this.imported.push({ encoding, bytes: Buffer.concat(chunks) })
  }

  async submit(body: SubmitJson): Promise<SubmittedJson> {
    this.submitted.push(body)
    return await this.onSubmit(body)
  }

  async stop(leave: boolean): Promise<void> {
    this.stops.push(leave)
  }
}
