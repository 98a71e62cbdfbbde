// Statements of enrol keys, one by one and in rows: only what the key itself signed is ever in force, of a retired key only its sealed
// last word; a refusal changes nothing, no order of arrival matters, no key reaches out of its zone, and a restart holds the same.
import { isDeepStrictEqual } from 'node:util'
import type { Effect } from '../../../src/core/events.ts'
import { DAY, limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { judgeStatement, type StatementDocument } from '../../../src/core/trust/statement.ts'
import { StatementKeeper } from '../../../src/core/trust/statement-keeper.ts'
import { encodeSigned } from '../../../src/wire/signed.ts'
import { parseStatement, statementJson } from '../../../src/wire/statement.ts'
import { inviteOf, keyOf, membershipOf, NOW, nodeOf, rootOf, signRoot, statementOf } from '../../fixtures/documents.ts'
import { type Target, Violation } from '../fuzzer.ts'
import { target } from './documents.ts'
import { env, MESH, mutations, parsed, partsOf, rows, TOO_FEW } from './genuine.ts'

const until = NOW + 700 * DAY
const mesh = MESH
const nodes = new Map([[nodeOf('n1'), until]])
const inLeeds = inviteOf({ mesh, zone: '/uk/leeds' })
const policy = {
  ...{ zone: '/uk/leeds', publishers: ['acme'], vetoes: [{ path: 'acme/agent', counter: 7 }] },
  hours: { from: 1_320, to: 360 },
}
const LAST_WORD = statementOf({ mesh, version: 2, nodes }, 'old')

/** `site` is confined to one zone; `old` is retired, and its last word sealed. */
const ROOT = signRoot(
  rootOf({
    ...{ version: 2, enrol: ['enrol', 'site'], retired: ['old'] },
    enrolment: {
      zones: new Map([[keyOf('site').keyId, '/uk/glasgow']]),
      sealed: new Map([[keyOf('old').keyId, LAST_WORD.hash]]),
    },
  }),
  ['root'],
)

/** Two of them are version 2 of one key. What `site` says of Leeds is without effect. */
const COUNTING = [
  statementOf({ mesh, nodes }),
  statementOf({ mesh, version: 2, nodes, extensions: [{ zone: '/uk', invite: undefined, until }] }),
  statementOf({ mesh, version: 2, nodes, policies: [policy] }),
  statementOf({ mesh, version: 4, invites: new Map([['ab'.repeat(32), until]]) }),
  statementOf({ mesh, nodes, invites: new Map([[inLeeds.hash, until]]), policies: [policy] }, 'site'),
  LAST_WORD,
]
const MOOT = [
  statementOf({ mesh, version: 9, epoch: 2 }),
  statementOf({ mesh, version: 7, nodes }, 'old'),
  statementOf({ mesh: 'ab'.repeat(32), version: 8 }),
  statementOf({ mesh, version: 6 }, 'stranger'),
]
const SAMPLES = [...COUNTING, ...MOOT].map(({ raw }) => raw)
const GENUINE = new Set(COUNTING.map(({ hash }) => hash))
/** Who stole the retired key signs as it, too. */
const FEW = [...TOO_FEW, ['old'], ['root']]

export const statementTarget: Target = {
  ...target('statement', COUNTING, {
    cap: limits.statementBytes,
    parse: parseStatement,
    judge(document) {
      const again = parseStatement(encodeSigned(statementJson(document.signed, document), [keyOf('enrol')]))
      if (!isDeepStrictEqual(again.signed, document.signed))
        throw new Violation('a statement is not what it was when it is read again')
      return judgeStatement(document, { mesh, root: ROOT }, env) === undefined ? 'accepted' : undefined
    },
  }),
  generate: mutations(SAMPLES, limits.statementBytes, FEW),
}

/** Revoked by nobody whose zone it is in. */
const ABROAD = membershipOf({ node: 'n0', invite: inLeeds, claims: { mesh } })

/** A node that is handed statements, and writes them to a disk at once. */
class Held {
  readonly #out = new Outbox()
  readonly #self = new Self(mesh, ABROAD, ROOT, NOW, 0)
  readonly #disk = new Map<string, StatementDocument>()
  readonly keeper = new StatementKeeper(env, this.#out, this.#self, new Refusals(this.#out), [])

  /** Does with a document that was handed in what a node does. True when it is in force afterwards and was not before. */
  take(document: StatementDocument): boolean {
    const before = this.held()
    this.keeper.stated(0, document)
    return this.#settle(before)
  }

  /** All of them in the answer of one peer. */
  answer(documents: readonly StatementDocument[]): void {
    const before = this.held()
    this.keeper.offered('peer', 'ab'.repeat(32), 0)
    const ask = this.#out.drain().find((effect) => effect.type === 'ask') as Effect & { type: 'ask' }
    this.keeper.arrived(ask.ticket, 'peer', documents, 0)
    this.#settle(before)
  }

  #settle(before: readonly StatementDocument[]): boolean {
    const effects = this.#out.drain()
    const writes = effects.filter((effect) => effect.type === 'persist')
    if (String(hashes(this.held())) !== String(hashes(before)))
      throw new Violation('a statement counts before it is on disk')
    for (const { ticket, changes } of writes) {
      for (const change of changes)
        if (change.type === 'statement') this.#disk.set(change.statement.signed.enroller, change.statement)
      this.keeper.persisted(ticket)
    }
    const after = this.held()
    if (writes.length === 0 && String(hashes(after)) !== String(hashes(before)))
      throw new Violation('a statement that was refused changes what is held')
    for (const { signed } of before) {
      const now = after.find((one) => one.signed.enroller === signed.enroller)
      const isSealed = now?.hash === LAST_WORD.hash
      if (now === undefined || (now.signed.version < signed.version && !isSealed))
        throw new Violation('an older statement takes the place of a newer one')
    }
    return writes.length > 0
  }

  held(): StatementDocument[] {
    return this.keeper.all()
  }

  check(): void {
    for (const { hash } of this.held())
      if (!GENUINE.has(hash)) throw new Violation('a statement is in force that its key did not sign, or may not')
    if (this.keeper.revokes(ABROAD)) throw new Violation('a key revokes outside of its zone')
    const [out, saved] = [new Outbox(), [...this.#disk.values()]]
    const again = new StatementKeeper(env, out, this.#self, new Refusals(out), saved)
    if (again.digest !== this.keeper.digest) throw new Violation('after a restart other statements are in force')
  }
}

const hashes = (documents: readonly StatementDocument[]) => documents.map(({ hash }) => hash).sort()

export const statementsTarget: Target = {
  name: 'statements',
  generate: rows(SAMPLES, mutations(SAMPLES, 0, FEW)),
  run(input) {
    const documents = partsOf(input).flatMap((part) => {
      const outcome = parsed(() => parseStatement(part))
      return 'value' in outcome ? [outcome.value] : []
    })
    const [held, reversed, asked] = [new Held(), new Held(), new Held()]
    const taken = documents.filter((document) => held.take(document)).length
    for (const document of documents.toReversed()) reversed.take(document)
    asked.answer(documents)
    for (const each of [held, reversed, asked]) each.check()
    if (held.keeper.digest !== reversed.keeper.digest)
      throw new Violation('the order in which statements came decides which are in force')
    return taken > 0 ? 'accepted' : 'refused'
  },
}
