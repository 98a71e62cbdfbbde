// What `trust check` prints: the verdict with its reason in one sentence, what the document is, and what each signature is worth.
import type { LoneDocument } from '../../publish/document-file.ts'
import type { Judged } from '../../publish/judge-document.ts'
import type { Quorum } from '../../publish/signing-request.ts'
import type { SignatureVerdict, Verdict } from '../../publish/verdict.ts'
import { type Colour, plain, type Terminal } from '../frame/terminal.ts'
import { counted } from './quantity.ts'
import { pairLines } from './table.ts'

const COLOURS: Readonly<Record<Verdict['verdict'], Colour>> = { accepted: 'green', expired: 'red', refused: 'red' }
/** As many characters of a keyid as are compared. */
const KEY_LENGTH = 16

/** `accepted: root document, version 2: it follows version 1 of the folder /mesh`. */
export function checkLines({ subject, verdict, ground }: Judged, terminal: Pick<Terminal, 'paint'>): string[] {
  const { quorums, signatures, code, reason } = verdict
  const { document } = subject
  const { root, targets } = ground
  const held = `${ground.name}: root version ${root.signed.version}${targets === undefined ? '' : `, targets version ${targets.signed.version}`}`
  const strangers = signatures.filter(({ worth }) => worth === 'stranger')
  return [
    `${terminal.paint(COLOURS[verdict.verdict], verdict.verdict)}: ${plain(`${titleOf(subject)}: ${reason}`)}${code === undefined ? '' : ` [${code}]`}`,
    ...pairLines(
      [
        ['judged by', plain(held)],
        ['hash', document.hash],
        ...(subject.kind === 'statement'
          ? []
          : [['expires', new Date(subject.document.signed.expires).toISOString().slice(0, 10)] as const]),
      ],
      '  ',
    ),
    ...quorums.flatMap((quorum) => quorumLines(quorum, signatures)),
    ...(strangers.length === 0
      ? []
      : [
          'signatures that do not count:',
          ...pairLines(
            strangers.map(({ keyId }) => [short(keyId), 'by no key that is asked for']),
            '  ',
          ),
        ]),
  ]
}

/** `announcement of the role "acme", version 4`. */
export function titleOf({ kind, document }: LoneDocument): string {
  const { version } = document.signed
  if (kind === 'announcement') return `announcement of the role "${document.signed.role}", version ${version}`
  if (kind === 'statement') return `statement of the enrol key ${short(document.signed.enroller)}, version ${version}`
  return `${kind} document, version ${version}`
}

const short = (keyId: string) => keyId.slice(0, KEY_LENGTH)

function quorumLines({ name, threshold, keyIds, signed }: Quorum, signatures: readonly SignatureVerdict[]): string[] {
  const rows = keyIds.map((keyId): [string, string] => {
    const given = signatures.find((one) => one.keyId === keyId)
    const worth = given === undefined ? 'has not signed' : 'does not count: it covers something else'
    return [short(keyId), signed.includes(keyId) ? 'counts' : worth]
  })
  return [
    `needs ${threshold} of ${counted(keyIds.length, 'key')} of ${plain(name)}; ${signed.length} signed:`,
    ...pairLines(rows, '  '),
  ]
}
