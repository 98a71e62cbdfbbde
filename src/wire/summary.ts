// The fleet summary as the body of an envelope (protocol clause SUMMARY).
import { NO_FIGURES } from '../core/fleet/figures.ts'
import type { Summary } from '../core/fleet/summary.ts'
import { limits } from '../core/limits.ts'
import { decodeFigures, encodeFigures } from './figures.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

/** Everything of an envelope but its body. */
const ENVELOPE_FRAME = 112
const DAY_MAX = 2 ** 31 - 1

/** At most limits.summaryBytes with its envelope: names of dark zones give way, then the worst nodes, which may have long names. */
export function encodeSummary(summary: Summary): Uint8Array {
  const { figures } = summary
  const cuts = [
    figures,
    { ...figures, darkZones: figures.darkZones.slice(0, 4) },
    { ...figures, darkZones: NO_FIGURES.darkZones },
    { ...figures, darkZones: NO_FIGURES.darkZones, worst: NO_FIGURES.worst },
  ]
  const bodies = cuts.map((cut) => encodeWhole({ ...summary, figures: cut }))
  return bodies.find(({ length }) => length <= limits.summaryBytes - ENVELOPE_FRAME) ?? (bodies.at(-1) as Uint8Array)
}

/** Throws E_PROTOCOL. */
export function decodeSummary(body: Uint8Array): Summary {
  const reader = new MessageReader(body, 'a summary', limits.summaryBytes)
  const day = reader.uint(1, DAY_MAX)
  const made = reader.uint(2)
  const age = reader.uint(3, limits.zoneKeptFor)
  const figures = decodeFigures(reader.bytes(4, 0, limits.summaryBytes), '/', 'a summary', limits.summaryBytes)
  reader.end()
  return { day, made, age, figures }
}

function encodeWhole({ day, made, age, figures }: Summary): Uint8Array {
  return new MessageWriter().uint(1, day).millis(2, made).millis(3, age).bytes(4, encodeFigures(figures, '/')).finish()
}
