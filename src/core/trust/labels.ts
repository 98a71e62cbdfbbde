// What people may call things: labels of a membership and names of nodes. One rule for those who make them and those who check.
import { limits } from '../limits.ts'

/** An identifier of the expression language, so that a selector can say `room == "lab3"`. */
const LABEL_KEY = /^[a-z][a-z0-9_]*$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/
/** Control characters, line separators, marks that turn the direction of text and half characters: they could forge a screen. */
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/u

/** Why `key=value` is not a label, or undefined when it is one. */
export function labelProblem(key: string, value: string): string | undefined {
  const most = limits.labelLength
  if (key.length > most || !LABEL_KEY.test(key))
    return `its key must be a letter a-z followed by a-z, 0-9 and "_", at most ${most} in all`
  if (value.length < 1 || value.length > most) return `its value must have 1 to ${most} characters`
  return DECEPTIVE.test(value) ? 'its value has a control character' : undefined
}

/** Why `name` cannot name a node, or undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (name.length <= limits.nameLength && NAME.test(name)) return undefined
  return `it must be 1 to ${limits.nameLength} of A-Z, a-z, 0-9, ".", "_" and "-", beginning with a letter or digit`
}
