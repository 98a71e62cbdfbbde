// Reading and writing one protobuf message by hand, strictly (clause PB): fields in ascending order, minimal varints up to 2^53-1, nothing
// allocated by a number that the peer chose. The reader is ours: that of protons-runtime loses its place after a varint with
// padding, recurses without a bound into groups, and cannot say which field was wrong. Its writer is used as it is.
import { writer } from 'protons-runtime'
import { fromHex } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'

const VARINT = 0
const LENGTH = 2
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 }
const FIELD_MAX = 2 ** 29 - 1
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads one message. Ask for its fields in ascending order, then call `end`; fields that nobody asks for are skipped.
 * A field asked for once must not be there twice. Every method throws Failure E_PROTOCOL on what breaks a rule.
 */
export class MessageReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0
  #least = 1

  /** `what` names the message in failures ("a hello"); `maxBytes` is checked before anything is read. */
  constructor(bytes: Uint8Array, what: string, maxBytes: number) {
    this.#bytes = bytes
    this.#what = what
    if (bytes.length > maxBytes) this.refuse(`it has ${bytes.length} bytes, ${maxBytes} are allowed`)
  }

  /** Offset of the next field that was not read yet. */
  get position(): number {
    return this.#at
  }

  /** Throws the failure for this message. */
  refuse(why: string): never {
    throw new Failure('E_PROTOCOL', `${this.#what} from a peer is not well formed: ${why}`)
  }

  /** An unsigned integer up to `max`; 0 when absent. */
  uint(field: number, max: number = Number.MAX_SAFE_INTEGER): number {
    if (!this.#seek(field, VARINT)) return 0
    this.#least = field + 1
    const value = this.#varint()
    return value <= max ? value : this.refuse(`field ${field} is ${value}, at most ${max} is allowed`)
  }

  /** False when absent. */
  bool(field: number): boolean {
    return this.uint(field, 1) === 1
  }

  /** Bytes of a length in minBytes..maxBytes, a view of the message; undefined when absent. */
  optionalBytes(field: number, minBytes: number, maxBytes: number): Uint8Array | undefined {
    if (!this.#seek(field, LENGTH)) return undefined
    this.#least = field + 1
    return this.#delimited(field, minBytes, maxBytes)
  }

  /** As optionalBytes, but the field must be there. */
  bytes(field: number, minBytes: number, maxBytes: number): Uint8Array {
    return this.optionalBytes(field, minBytes, maxBytes) ?? this.refuse(`field ${field} is missing`)
  }

  /** UTF-8 text of at most `maxBytes` bytes; '' when absent. */
  text(field: number, maxBytes: number): string {
    const bytes = this.optionalBytes(field, 0, maxBytes)
    return bytes === undefined ? '' : this.#decode(field, bytes)
  }

  /** All occurrences of a repeated field, at most `maxCount`. */
  list(field: number, maxCount: number, minBytes: number, maxBytes: number): Uint8Array[] {
    const all: Uint8Array[] = []
    while (this.#seek(field, LENGTH)) {
      if (all.length === maxCount) this.refuse(`field ${field} is there more than ${maxCount} times`)
      all.push(this.#delimited(field, minBytes, maxBytes))
    }
    return all
  }

  /** All occurrences of a repeated text. */
  texts(field: number, maxCount: number, maxBytes: number): string[] {
    return this.list(field, maxCount, 1, maxBytes).map((bytes) => this.#decode(field, bytes))
  }

  /** Exactly `count` varints in one field of at most `maxBytes`; absent means none. */
  packed(field: number, count: number, maxBytes: number): number[] {
    if (!this.#seek(field, LENGTH)) return count === 0 ? [] : this.refuse(`field ${field} is missing`)
    this.#least = field + 1
    const length = this.#length(field, 0, maxBytes)
    const end = this.#at + length
    const values: number[] = []
    while (this.#at < end && values.length < count) values.push(this.#varint())
    if (this.#at !== end || values.length !== count) this.refuse(`field ${field} does not hold ${count} numbers`)
    return values
  }

  /** Checks that the rest, which is of a newer version, is well formed too. */
  end(): void {
    while (this.#at < this.#bytes.length) this.#skip(this.#peek())
  }

  /** Moves behind the tag of `field`; false when the next field is a later one. */
  #seek(field: number, wire: number): boolean {
    while (this.#at < this.#bytes.length) {
      const start = this.#at
      const tag = this.#peek()
      if (tag.field > field) {
        this.#at = start
        return false
      }
      if (tag.field === field)
        return tag.wire === wire ? true : this.refuse(`field ${field} has wire type ${tag.wire}, not ${wire}`)
      this.#skip(tag)
    }
    return false
  }

  #peek(): { field: number; wire: number } {
    const tag = this.#varint()
    const [field, wire] = [Math.floor(tag / 8), tag % 8]
    if (field < 1 || field > FIELD_MAX) this.refuse(`${field} is not a field number`)
    if (field < this.#least) this.refuse(`field ${field} is out of order or there twice`)
    return { field, wire }
  }

  #skip({ field, wire }: { field: number; wire: number }): void {
    this.#least = field
    if (wire === VARINT) this.#skipVarint()
    else this.#advance(wire === LENGTH ? this.#length(field, 0, this.#bytes.length) : this.#fixed(field, wire))
  }

  #delimited(field: number, minBytes: number, maxBytes: number): Uint8Array {
    const length = this.#length(field, minBytes, maxBytes)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #length(field: number, minBytes: number, maxBytes: number): number {
    const length = this.#varint()
    if (length < minBytes || length > maxBytes)
      this.refuse(`field ${field} has ${length} bytes, ${minBytes} to ${maxBytes} are allowed`)
    return this.#available(field, length)
  }

  /** A length is read before the place is: reading it moves the place. */
  #advance(length: number): void {
    this.#at += length
  }

  #fixed(field: number, wire: number): number {
    return this.#available(field, FIXED[wire] ?? this.refuse(`field ${field} has wire type ${wire}`))
  }

  #available(field: number, length: number): number {
    return length <= this.#bytes.length - this.#at ? length : this.refuse(`it ends within field ${field}`)
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 56; scale *= 128) {
      const byte = this.#bytes[this.#at++] ?? this.refuse('it ends within a number')
      value += (byte & 127) * scale
      if (byte > 127) continue
      if (byte === 0 && scale > 1) this.refuse('a number has padding')
      return Number.isSafeInteger(value) ? value : this.refuse('a number is 2^53 or more')
    }
    return this.refuse('a number is 2^53 or more')
  }

  #skipVarint(): void {
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#at++] ?? this.refuse('it ends within a number')
      if (byte < 128) return
    }
    this.refuse('a number has more than 10 bytes')
  }

  #decode(field: number, bytes: Uint8Array): string {
    try {
      return text.decode(bytes)
    } catch {
      return this.refuse(`field ${field} is not UTF-8`)
    }
  }
}

/** Writes one message. Call in ascending order of field; what equals the default (0, false, '') is left out. */
export class MessageWriter {
  readonly #writer = writer()

  /** `value`: an integer in 0..2^53-1; anything else is a defect of the caller and throws E_PROTOCOL. */
  uint(field: number, value: number): this {
    if (value !== 0) this.#tag(field, VARINT).uint64Number(sendable(value))
    return this
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0)
  }

  /** Milliseconds, rounded and held within 0..2^53-1: spans come from clocks that step. */
  millis(field: number, value: number): this {
    return this.uint(field, Math.min(Math.max(Math.round(value), 0), Number.MAX_SAFE_INTEGER))
  }

  /** Written also when empty. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, LENGTH).bytes(value)
    return this
  }

  text(field: number, value: string): this {
    if (value !== '') this.#tag(field, LENGTH).string(value.toWellFormed())
    return this
  }

  texts(field: number, values: readonly string[]): this {
    for (const value of values) this.text(field, value)
    return this
  }

  packed(field: number, values: readonly number[]): this {
    if (values.length === 0) return this
    const packed = this.#tag(field, LENGTH).fork()
    for (const value of values) packed.uint64Number(sendable(value))
    packed.ldelim()
    return this
  }

  /** Bytes of the message, in memory of its own. */
  finish(): Uint8Array {
    return new Uint8Array(this.#writer.finish())
  }

  #tag(field: number, wire: number): ReturnType<typeof writer> {
    return this.#writer.uint32(field * 8 + wire)
  }
}

function sendable(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Failure('E_PROTOCOL', `${value} cannot be sent: numbers of a message are integers from 0 to 2^53-1`)
}

/** The bytes of a hex text that must stand for `length` bytes; `what` names it in the failure E_PROTOCOL. */
export function hexBytes(hex: string, length: number, what: string): Uint8Array {
  const bytes = fromHex(hex)
  if (bytes?.length === length) return bytes
  throw new Failure('E_PROTOCOL', `the ${what} of a message must be ${2 * length} hex characters`)
}
