// A signing request as a person reads it before signing: what it says, what changes by it, and whose signatures it needs.
import type { Change, Description } from '../../publish/describe-request.ts'
import type { Quorum } from '../../publish/signing-request.ts'
import { type Colour, plain, type Terminal } from '../frame/terminal.ts'
import { counted } from './quantity.ts'
import { pairLines } from './table.ts'

type Paint = Pick<Terminal, 'paint'>

const COLOURS: Readonly<Record<Change['what'], Colour>> = { new: 'green', changed: 'yellow', removed: 'red' }
/** As many characters of a keyid as are compared. */
const KEY_LENGTH = 16

/** All that is to be looked at; `own` is the keyid that would sign. */
export function requestLines(
  { title, facts, changes, unchanged, notes }: Description,
  { quorums, own }: { quorums: readonly Quorum[]; own?: string | undefined },
  terminal: Paint,
): string[] {
  const pairs = (list: Description['facts']) =>
    pairLines(
      list.map(([name, value]) => [plain(name), plain(value)] as const),
      '  ',
    )
  return [
    terminal.paint('bold', plain(title)),
    ...pairs(facts),
    ...changes.flatMap(({ what, name, facts: own }) => [
      `${terminal.paint(COLOURS[what], what)}: ${plain(name)}`,
      ...pairs(own),
    ]),
    ...(changes.length === 0 ? ['nothing else than version and dates changes'] : []),
    ...(unchanged.length === 0 ? [] : [`unchanged: ${unchanged.map(plain).join(', ')}`]),
    ...notes.map((note) => terminal.paint('red', plain(note))),
    ...quorums.flatMap((quorum) => quorumLines(quorum, own)),
  ]
}

function quorumLines({ name, threshold, keyIds, signed }: Quorum, own: string | undefined): string[] {
  const rows = keyIds.map((keyId): [string, string] => {
    const whose = keyId === own ? ', this key' : ''
    return [keyId.slice(0, KEY_LENGTH), `${signed.includes(keyId) ? 'has signed' : 'has not signed'}${whose}`]
  })
  return [
    `needs ${threshold} of ${counted(keyIds.length, 'key')} of ${plain(name)}; ${signed.length} signed:`,
    ...pairLines(rows, '  '),
  ]
}
