// Canonical JSON: the one byte form of every signed document (clause DOC), so that a signature covers exactly what was parsed.
// Refusing every other form (white space, key order, escapes, duplicate keys, floats) leaves nothing to disagree about.
import { canonicalize } from '@tufjs/canonical-json'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'

export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = { [key: string]: Json }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

/** The failure that every strict parser of documents throws: E_DOCUMENT, naming what was parsed and what is wrong with it. */
export function documentFailure(what: string, problem: string, cause?: unknown): Failure {
  return new Failure('E_DOCUMENT', `The ${what} is not valid: ${problem}.`, { cause })
}

/**
 * Canonical JSON (OLPC form, as TUF signs it) of a value, in UTF-8.
 * @throws Failure E_DOCUMENT for what the form cannot hold: fractions, unsafe integers, control characters, lone surrogates.
 */
export function canonicalBytes(value: Json): Uint8Array {
  requirePlain(value, 'document')
  return encoder.encode(canonicalize(value))
}

/**
 * Parses bytes that must be canonical JSON already. The size is checked first, then the nesting, then the form.
 * @param bounds `maxBytes`: size in bytes; `maxValues`: lists, objects and what is in them, where the size alone allows too many;
 * `what`: the document's name in the failure ("membership").
 * @throws Failure E_DOCUMENT
 */
export function parseCanonical(
  bytes: Uint8Array,
  bounds: { maxBytes: number; maxValues?: number; what: string },
): Json {
  const { maxBytes, maxValues = maxBytes, what } = bounds
  if (bytes.length > maxBytes) throw documentFailure(what, `it has ${bytes.length} bytes, more than ${maxBytes}`)
  const { depth, values } = shapeOf(bytes)
  if (depth > limits.jsonDepth) throw documentFailure(what, `it is nested deeper than ${limits.jsonDepth}`)
  if (values > maxValues) throw documentFailure(what, `it has more than ${maxValues} values`)
  const { text, value } = decode(bytes, what)
  requirePlain(value, what)
  if (canonicalize(value) !== text) throw documentFailure(what, 'it is not in canonical form')
  return value
}

/** The value in bytes that are known to be canonical JSON, such as the `raw` part of a parsed document. */
export function jsonOf(canonical: Uint8Array): JsonObject {
  return JSON.parse(decoder.decode(canonical)) as JsonObject
}

function decode(bytes: Uint8Array, what: string): { text: string; value: Json } {
  try {
    const text = decoder.decode(bytes)
    return { text, value: JSON.parse(text) as Json }
  } catch (cause) {
    throw documentFailure(what, 'it is not JSON', cause)
  }
}

/**
 * Depth of the deepest list or object, and how many values there are, without parsing: JSON.parse itself would recurse as deep as a
 * peer likes, and takes a hundred bytes of memory for each value.
 */
function shapeOf(bytes: Uint8Array): { depth: number; values: number } {
  let depth = 0
  let deepest = 0
  let values = 0
  let inText = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inText) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (byte === COMMA) values++
    else if (byte === 0x5b || byte === 0x7b) {
      values++
      deepest = Math.max(deepest, ++depth)
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return { depth: deepest, values }
}

function requirePlain(value: Json, what: string): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw documentFailure(what, 'a text has half a character (a lone surrogate)')
    if (/[\u0000-\u001f]/.test(value)) throw documentFailure(what, 'a text has a control character')
  } else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw documentFailure(what, 'a number is not a safe whole number')
  } else if (Array.isArray(value)) {
    for (const item of value) requirePlain(item, what)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      requirePlain(key, what)
      requirePlain(item, what)
    }
  } else if (value !== null && typeof value !== 'boolean') throw documentFailure(what, 'a value is not JSON')
}
