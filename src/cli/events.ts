// `pimesh events`: what happened on this machine's daemon, and what happens.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type ApiClient, apiClient } from '../daemon/api-client.ts'
import type { AuditJson, EventJson, EventsJson } from '../daemon/api-types.ts'
import { auditLines } from './format/audit.ts'
import { age, counted } from './format/quantity.ts'
import { tableLines } from './format/table.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { plain } from './frame/terminal.ts'
import { wait } from './frame/wait.ts'

export const events: Command = {
  name: 'events',
  summary: "what this machine's daemon saw and did",
  usage: '[-f | --audit] [-o table|json|jsonl]',
  details: `Oldest first: nodes that come and go, announcements, installations, alerts, refusals. The daemon keeps the last ${limits.events}; its log
(journalctl -u pimesh) has all. With -f it goes on until Ctrl-C, also over a restart of the daemon.
Below are the last announcements, targets and roots that it accepted or refused, from whom and why, also before a restart; --audit
shows all of them that are kept. Equal refusals of one peer within an hour are one line with a count.`,
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes' },
    audit: { type: 'boolean', help: 'only what was accepted and refused of the publishers, all of it' },
    output: {
      ...{ type: 'string', short: 'o', value: 'table|json|jsonl' },
      help: 'table (default), one JSON object with both, or one for each event or entry a line',
    },
    ...dataOption,
  },
  examples: [
    ['pimesh events', 'what happened lately'],
    ['pimesh events -f', 'and what happens now'],
    ['pimesh events --audit', 'who gave this node what of the publishers, and what it made of that'],
    [`pimesh events -f -o jsonl | jq -r 'select(.type == "alert").text'`, 'alerts, for a script'],
  ],
  run,
}

/** How often -f asks, in ms. */
const LOOK = 1_000
/** Entries of the audit log that are shown below the events. */
const AUDIT_TAIL = 10

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json', 'jsonl'], 'table')
  const client = apiClient(dataFolder(context))
  const follow = args.flag('follow')
  if (follow && (output === 'json' || args.flag('audit')))
    throw new Failure('E_USAGE', '-f goes on line by line: use it with -o table or -o jsonl, and without --audit')
  if (args.flag('audit')) return printAudit(context, await client.audit(), output)
  const first = await client.events()
  if (output === 'json') terminal.json({ ...first, audit: (await client.audit()).entries })
  else if (output === 'jsonl') for (const event of first.events) terminal.print(jsonLine(event))
  else if (follow) for (const event of first.events) terminal.print(followLine(event))
  else terminal.print([...eventsTable(first.events), ...(await auditTail(client))].join('\n'))
  if (follow) await goOn(context, client, first, output === 'jsonl' ? jsonLine : followLine)
  return 0
}

function printAudit({ terminal }: Context, audit: AuditJson, output: string): number {
  if (output === 'json') terminal.json(audit)
  else if (output === 'jsonl') for (const entry of audit.entries) terminal.print(JSON.stringify(entry))
  else terminal.print(auditLines(audit.entries).join('\n'))
  return 0
}

/** What follows the events: the newest entries of the audit log, when there are any. */
async function auditTail(client: ApiClient): Promise<string[]> {
  const { entries } = await client.audit()
  return entries.length === 0 ? [] : ['', ...auditLines(entries, AUDIT_TAIL)]
}

async function goOn(context: Context, client: ApiClient, first: EventsJson, line: (event: EventJson) => string) {
  const { terminal } = context
  const signal = context.interrupted()
  let { run } = first
  let last = first.events.at(-1)?.seq ?? 0
  let reachable = true
  for (;;) {
    await wait(LOOK, signal)
    if (signal.aborted) return
    const answer = await client.events(last).catch((error: unknown) => trouble(error))
    if (typeof answer === 'string') {
      if (reachable) terminal.notice(answer)
      reachable = false
      continue
    }
    reachable = true
    if (answer.run !== run) {
      terminal.notice('the daemon was started anew')
      run = answer.run
      last = 0
      continue
    }
    const missed = (answer.events[0]?.seq ?? last + 1) - last - 1
    if (missed > 0) terminal.notice(`${counted(missed, 'event')} came too fast to be kept; the daemon's log has them`)
    for (const event of answer.events) terminal.print(line(event))
    last = answer.events.at(-1)?.seq ?? last
  }
}

/** Why there is no answer, which may pass. */
function trouble(error: unknown): string {
  if (error instanceof Failure) return `${error.message} [${error.code}]; waiting for it`
  throw error
}

/** A table with ages, for what is printed once. */
export function eventsTable(list: readonly EventJson[]): string[] {
  if (list.length === 0) return ['nothing has happened yet']
  return tableLines(
    [
      { title: 'AGE', right: true, cell: ({ ageMs }: EventJson) => age(ageMs) },
      { title: 'TYPE', cell: ({ type }: EventJson) => type },
      { title: 'EVENT', cell: ({ text }: EventJson) => text },
    ],
    list,
  )
}

/** Width of the types that are known; longer ones push their text to the right. */
const TYPE_WIDTH = 19

/** A line that stays on the screen while time goes by has the time of day. */
function followLine({ ageMs, type, text }: EventJson): string {
  const at = new Date(Date.now() - ageMs)
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
  return `${clock}  ${plain(type).padEnd(TYPE_WIDTH)}  ${plain(text)}`
}

function jsonLine(event: EventJson): string {
  return JSON.stringify({ at: new Date(Date.now() - event.ageMs).toISOString(), ...event })
}
