// Noise, with its transport phase made cheap; what is on the wire stays as it was. @chainsafe/libp2p-noise hands OpenSSL the raw key
// with every frame, which costs 15 us each time, reads the length of a frame byte by byte from a list, and libp2p writes the length,
// the parts and the tag of a frame to the socket one by one: three system calls and three segments where one does.
import { type CipherKey, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ICryptoInterface, type NoiseComponents, noise } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import type { SendResult } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { Failure } from '../core/failure.ts'

const CIPHER = 'chacha20-poly1305'
const TAG_BYTES = 16
const TAG = { authTagLength: TAG_BYTES }
/** Shorter frames are quicker in the WebAssembly that comes with noise: OpenSSL takes 30 us to begin and to end. */
const NATIVE_FROM = 1_200

/** A Uint8ArrayList of any version: noise brings one of its own. */
interface ByteList extends Iterable<Uint8Array> {
  byteLength: number
  subarray(from?: number, to?: number): Uint8Array
}

type Bytes = Uint8Array | ByteList
/** What encrypts and what decrypts take, in the order in which noise hands it in. */
type Framed = [bytes: Bytes, nonce: Uint8Array, ad: Uint8Array, k: Uint8Array]
type Short = (...frame: Framed) => Bytes

/** For libp2p's connectionEncrypters, behind the gate. */
export function swiftNoise(components: NoiseComponents): ConnectionEncrypter {
  const inner = noise({ crypto: swiftCrypto })(components)
  return {
    protocol: inner.protocol,
    async secureInbound(stream, options) {
      gather(stream)
      return quicken(await inner.secureInbound(stream, options))
    },
    async secureOutbound(stream, options) {
      gather(stream)
      return quicken(await inner.secureOutbound(stream, options))
    },
  }
}

/** The same object is handed in as key for all frames of one direction. */
const keys = new WeakMap<Uint8Array, KeyObject>()

function keyOf(k: Uint8Array): CipherKey {
  const known = keys.get(k)
  if (known !== undefined) return known
  const key = createSecretKey(k)
  keys.set(k, key)
  return key
}

/** Noise's own, but for long frames. What is not in one part is neither copied together before nor after. */
export const swiftCrypto = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt: (...frame: Framed) => (isShort(frame) ? sealShort(...frame) : seal(...frame)),
  chaCha20Poly1305Decrypt: (...frame: Framed) => (isShort(frame) ? openShort(...frame) : open(...frame)),
} as unknown as ICryptoInterface

const sealShort = defaultCrypto.chaCha20Poly1305Encrypt as Short
const openShort = defaultCrypto.chaCha20Poly1305Decrypt as Short

function isShort([{ byteLength }]: Framed): boolean {
  return byteLength < NATIVE_FROM
}

function seal(plaintext: Bytes, nonce: Uint8Array, ad: Uint8Array, k: Uint8Array): Uint8ArrayList {
  const cipher = createCipheriv(CIPHER, keyOf(k), nonce, TAG)
  if (ad.length > 0) cipher.setAAD(ad, { plaintextLength: plaintext.byteLength })
  const sealed = new Uint8ArrayList()
  for (const part of partsOf(plaintext)) sealed.append(cipher.update(part))
  cipher.final()
  sealed.append(cipher.getAuthTag())
  return sealed
}

/** Throws when the tag is not that of the frame: nothing of it is handed on before. */
function open(sealed: Bytes, nonce: Uint8Array, ad: Uint8Array, k: Uint8Array): Uint8ArrayList {
  const length = sealed.byteLength - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, keyOf(k), nonce, TAG)
  if (ad.length > 0) decipher.setAAD(ad, { plaintextLength: length })
  decipher.setAuthTag(sealed.subarray(length))
  const plaintext = new Uint8ArrayList()
  let left = length
  for (const part of partsOf(sealed)) {
    if (left > 0) plaintext.append(decipher.update(part.length > left ? part.subarray(0, left) : part))
    left -= part.length
  }
  decipher.final()
  return plaintext
}

function partsOf(bytes: Bytes): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes
}

/** What the stream that noise hands out has and its interface does not show; a test notices when that changes. */
interface Sealed {
  decoder?: { decode(bytes: Bytes): Iterable<Bytes> }
  decrypt?(frame: Bytes): Bytes
  handshake?: { decrypt(frame: Bytes): Bytes }
}

/** Noise would copy a frame that came in two parts to have a place for its plaintext, which OpenSSL does not use. */
function quicken<T extends { connection: MessageStream }>(secured: T): T {
  const sealed = secured.connection as unknown as Sealed
  const { decoder, decrypt, handshake } = sealed
  if (decoder === undefined || decrypt === undefined || handshake === undefined)
    throw new Failure('E_INTERNAL', 'the noise of this version reads frames otherwise')
  const frames = new NoiseFrames()
  decoder.decode = (bytes) => frames.next(bytes)
  sealed.decrypt = (frame) => {
    if (frame.byteLength < TAG_BYTES) throw new Failure('E_PROTOCOL', 'a frame is too short for its tag: refused')
    return handshake.decrypt(frame)
  }
  return secured
}

/** Cuts a stream into what noise calls messages: two bytes of length, big-endian, before each. Copies nothing. */
export class NoiseFrames {
  #frame = new Uint8ArrayList()
  /** Of the frame that has begun; undefined while its length is not known. */
  #length: number | undefined
  /** The first byte of a length of which the second one has not come. */
  #high: number | undefined;

  *next(bytes: Bytes): Generator<Uint8ArrayList> {
    for (const part of partsOf(bytes)) {
      for (let at = 0; at < part.length; ) {
        if (this.#length === undefined) {
          this.#measure(part[at++] as number)
        } else {
          const end = Math.min(part.length, at + this.#length - this.#frame.byteLength)
          this.#frame.append(part.subarray(at, end))
          at = end
        }
        if (this.#frame.byteLength === this.#length) yield this.#take()
      }
    }
  }

  #measure(byte: number): void {
    if (this.#high === undefined) {
      this.#high = byte
      return
    }
    this.#length = this.#high * 256 + byte
    this.#high = undefined
  }

  #take(): Uint8ArrayList {
    const frame = this.#frame
    this.#frame = new Uint8ArrayList()
    this.#length = undefined
    return frame
  }
}

interface Gathering {
  socket?: Socket
  sendData?(data: Uint8ArrayList): SendResult
}

/** All parts of what is sent go to the socket in one write. A stream without a socket is one through a relay, whose link has one. */
export function gather(stream: MessageStream): void {
  const connection = stream as Gathering
  const { socket } = connection
  if (socket?.cork === undefined || connection.sendData === undefined) return
  connection.sendData = (data) => {
    let canSendMore = true
    socket.cork()
    for (const part of data) canSendMore = socket.write(part)
    socket.uncork()
    return { sentBytes: data.byteLength, canSendMore }
  }
}
