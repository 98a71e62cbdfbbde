// The bodies of requests to the local API: none, a bounded JSON, or exactly so many bytes that are passed on as they come.
// Reading one never destroys the connection: the answer, also a refusal, has to get out.
import type { IncomingMessage } from 'node:http'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'

/** More came than is borne. */
export class TooLong extends Error {}

/** Reads a request that has no body to its end. @throws TooLong; Failure E_USAGE when it does not end in time. */
export async function readNothing(request: IncomingMessage): Promise<void> {
  await readAll(request, limits.apiBodyBytes, 'a request to this API has no body')
}

/** @throws TooLong; Failure E_USAGE: no JSON, or it does not end in time. */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const text = await readAll(request, maxBytes, `the body of this request has at most ${maxBytes} bytes`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure('E_USAGE', 'the body of the request is not JSON', { cause })
  }
}

/**
 * The `length` bytes of an upload: lets them come with `goOn` when the first are wanted, and asks for the next ones when the
 * last were taken.
 * @throws Failure E_USAGE at once when the request does not say that it has so many bytes; when it stalls or ends early.
 */
export function uploadOf(request: IncomingMessage, length: number, goOn: () => void): AsyncGenerator<Uint8Array> {
  if (request.headers['content-length'] !== String(length))
    throw new Failure('E_USAGE', `the body must have the ${length} bytes of the encoding, and say so (Content-Length)`)
  return chunksOf(request, limits.apiUploadStall, goOn)
}

async function* chunksOf(request: IncomingMessage, patience: number, goOn: () => void): AsyncGenerator<Uint8Array> {
  goOn()
  const chunks = request.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      const { value, done } = await within(patience, chunks.next())
      if (done) return
      yield value as Uint8Array
    }
  } finally {
    // Not waited for: a request that stalls may never answer.
    void chunks.return?.()
  }
}

async function readAll(request: IncomingMessage, maxBytes: number, sentence: string): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  const read = async () => {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > maxBytes) throw new TooLong(sentence)
      parts.push(chunk as Buffer)
    }
  }
  await within(limits.apiRequestTimeout, read())
  return Buffer.concat(parts).toString('utf8')
}

/** What is read, unless it takes longer than `patience`, or the other side is gone. */
async function within<T>(patience: number, read: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Failure('E_USAGE', `no byte of the request came for ${patience / 1_000} s`)),
    patience,
  )
  try {
    return await Promise.race([read, late.promise])
  } catch (cause) {
    if (cause instanceof Failure || cause instanceof TooLong) throw cause
    throw new Failure('E_USAGE', 'the request ended before its body was whole', { cause })
  } finally {
    clearTimeout(timer)
  }
}
