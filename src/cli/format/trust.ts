// What `trust show` prints: one block for each document and role, every end with the days that are left, and a line at the top for
// what ends soon.
import type {
  EnrolKeyJson,
  KeysJson,
  PublisherJson,
  StatementJson,
  TermJson,
  TrustJson,
} from '../../publish/trust-view.ts'
import { plain, type Terminal } from '../frame/terminal.ts'
import { counted, span } from './quantity.ts'
import { pairLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>
type Pairs = [string, string][]

/** As many characters of a keyid as are compared. */
const KEY_LENGTH = 16
/** Entries of a statement that are listed; `-o json` has all. */
const LISTED = 8

/** `source`: which documents these are, how old and how complete; `notes`: what is wrong with them; `newestBeacon`: when a peer is asked. */
export function trustLines(
  trust: TrustJson,
  { source, notes, newestBeacon }: { source: Pairs; notes: readonly string[]; newestBeacon: string | undefined },
  terminal: Paint,
): string[] {
  const { root, targets, publishers, enrolment } = trust
  return [
    terminal.paint('bold', `mesh ${trust.mesh}`),
    ...pairLines(source.map(([name, text]) => [name, plain(text)] as const)),
    endingLine(trust, terminal),
    ...notes.map((note) => terminal.paint('red', plain(note))),
    ...block(`root, version ${root.version}`, [
      ['keys', keysText(root)],
      ['issued', root.issued.slice(0, 10)],
      ['until', termText(root, terminal)],
    ]),
    ...block(`targets${targets.document === null ? ': none' : `, version ${targets.document.version}`}`, [
      ['keys', keysText(targets)],
      ...(targets.document === null ? [] : [['until', termText(targets.document, terminal)] as [string, string]]),
    ]),
    ...publishers.flatMap((publisher) => publisherLines(publisher, terminal)),
    `enrolment, epoch ${enrolment.epoch}`,
    ...enrolment.keys.flatMap(enrolKeyLines),
    ...beaconLines(trust, newestBeacon, terminal),
  ]
}

function beaconLines({ beacon, root }: TrustJson, newest: string | undefined, terminal: Paint): string[] {
  if (beacon === null) return ['beacons: none']
  return block('beacons', [
    ['keys', keysText(beacon)],
    ['every', `${span(beacon.periodMs)}; a node without a newer one for ${span(beacon.staleAfterMs)} is stale`],
    ...(newest === undefined ? [] : [['newest', newest] as [string, string]]),
    ['until', `the root ends, ${termText(root, terminal)}`],
  ])
}

function block(title: string, pairs: Pairs): string[] {
  return [title, ...pairLines(pairs, '  ')]
}

/** `2 of 3: 23a3713956c07591, 155eb50cd62449ff, 84ab31d1c9d23e2d`. */
function keysText({ threshold, keys }: KeysJson): string {
  return `${threshold} of ${keys.length}: ${keys.map(shortKey).join(', ')}`
}

const shortKey = (key: string) => key.slice(0, KEY_LENGTH)

function endingLine({ endingSoon }: TrustJson, terminal: Paint): string {
  if (endingSoon.length === 0) return 'ends soon: nothing'
  const texts = endingSoon.map(({ what, name, expires, daysLeft }) => {
    const whose = name === null ? `the ${what}` : `the announcement of ${plain(name)}`
    return `${whose} on ${expires.slice(0, 10)} (${leftText(daysLeft)})`
  })
  const colour = endingSoon.some(({ daysLeft }) => daysLeft < 0) ? 'red' : 'yellow'
  return terminal.paint(colour, `ends soon: ${texts.join(', ')}`)
}

function termText({ expires, daysLeft, endsSoon, expired }: TermJson, terminal: Paint): string {
  const text = `${expires.slice(0, 10)} (${leftText(daysLeft)})`
  if (expired) return terminal.paint('red', `${text}: expired`)
  return endsSoon ? terminal.paint('yellow', `${text}: ends soon`) : text
}

function leftText(days: number): string {
  return days < 0 ? `${counted(-days, 'day')} ago` : `${counted(days, 'day')} left`
}

function publisherLines(publisher: PublisherJson, terminal: Paint): string[] {
  const { role, paths, terminating, epoch, whenStale, announcement } = publisher
  return block(`publisher ${plain(role)}`, [
    ...signersPairs(publisher, terminal),
    ['paths', plain(paths.join(', '))],
    ['others', terminating ? 'those below have no say about these paths' : 'those below may announce these paths, too'],
    ['epoch', String(epoch)],
    ['when stale', whenStale === 'refuse' ? 'installs nothing' : 'installs, and says so'],
    ['announced', announcement === null ? 'nothing known' : announcedText(announcement, terminal)],
    ...(announcement === null ? [] : [['until', termText(announcement, terminal)] as [string, string]]),
  ])
}

/** What the targets say, and what the role made of it since. */
function signersPairs(publisher: PublisherJson, terminal: Paint): Pairs {
  const { rotated } = publisher
  if (rotated === null) return [['keys', keysText(publisher)]]
  const text = rotated.ended
    ? terminal.paint('red', 'none: the role has ended itself, and needs a new epoch to announce anything')
    : `${keysText(rotated)}; given by the role itself, change number ${rotated.number} of this epoch`
  return [
    ['keys', text],
    ['delegated', keysText(publisher)],
  ]
}

function announcedText(
  { version, releases, frozen, epoch }: NonNullable<PublisherJson['announcement']>,
  terminal: Paint,
): string {
  const text = `version ${version} of epoch ${epoch}, ${counted(releases, 'release')}`
  return frozen ? terminal.paint('red', `${text}; frozen: two of one version were signed`) : text
}

function enrolKeyLines({ key, zone, state, sealed, statement }: EnrolKeyJson): string[] {
  const where = zone === '/' ? 'the whole mesh' : zone
  const word =
    sealed === null ? 'nothing that it states does' : 'of what it states the last word, which the root has sealed'
  const retired = `retired: its invites count, ${word}`
  const head = `  ${shortKey(key)}  ${where}${state === 'active' ? '' : `, ${retired}`}`
  return [
    head,
    ...pairLines(
      statement === null
        ? [['states', sealed === null ? 'nothing known' : 'what is sealed is not here']]
        : statementPairs(statement),
      '    ',
    ),
  ]
}

function statementPairs({ version, issued, ...stated }: StatementJson): Pairs {
  const { revokedNodes, revokedInvites, extended, policies } = stated
  return [
    ['states', `version ${version} of ${issued.slice(0, 10)}`],
    ...listed('revokes', [
      ...revokedNodes.map(({ id, until }) => `${id} (until ${until.slice(0, 10)})`),
      ...revokedInvites.map(({ id, until }) => `all of the invite ${id} (until ${until.slice(0, 10)})`),
    ]),
    ...listed(
      'prolongs',
      extended.map(({ zone, invite, until, daysLeft }) => {
        const what = zone ?? `all of the invite ${invite}`
        return `${what} until ${until.slice(0, 10)} (${leftText(daysLeft)})`
      }),
    ),
    ...listed('policy', policies.map(policyText)),
  ]
}

function policyText({ zone, publishers, vetoes, hours }: StatementJson['policies'][number]): string {
  const parts = [
    ...(publishers === null ? [] : [`takes ${publishers.join(', ') || 'no publisher'}`]),
    ...vetoes.map(({ path, counter }) => `vetoes ${path} with counter ${counter}`),
    ...(hours === null ? [] : [`begins at ${hours} only`]),
  ]
  return plain(`${zone} ${parts.join('; ')}`)
}

function listed(name: string, texts: readonly string[]): Pairs {
  const more = texts.length - LISTED
  const shown = more > 0 ? [...texts.slice(0, LISTED), `and ${more} more: -o json has them`] : texts
  return shown.map((text, at) => [at === 0 ? name : '', text])
}
