// `pimesh trust rotate-self` at a terminal: what a person agreed to is what is signed, or nothing is.
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { planRelease, signRelease } from '../../src/publish/release.ts'
import { identityOf } from '../fixtures/documents.ts'
import type { LineOptions } from './line.ts'
import { ADA, hashOf, owner, short, text } from './trust-owner.ts'

/** Types yes when it is asked; before that `meanwhile` happens. */
function agreeing(meanwhile: () => void): LineOptions {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const written = (shown: string) => {
    if (!shown.includes('? Type yes')) return
    meanwhile()
    setImmediate(() => stdin.write('yes\n'))
  }
  return { stdin: stdin as unknown as NodeJS.ReadStream, columns: 120, written }
}

const words = (path: string) => ['rotate-self', 'acme', '--out-key', 'publisher', '--pub', text(ADA), '--key', path]

it('signs what was shown and agreed to', async () => {
  const { ask, at } = await owner()
  const { status, out, err } = await ask(
    words(at('ada.key')),
    agreeing(() => undefined),
  )
  expect(status, err).toBe(0)
  expect(out).toContain(`the role "acme" has other keys: 1 of 1 sign from now on, ${short(ADA)}`)
})

it('signs nothing when the role announced something meanwhile', async () => {
  const { ask, at, backend, dir, mesh } = await owner()
  const { encoding } = identityOf(Buffer.from('agent'))
  const installer = { type: 'file' as const, file: 'agent', executable: true }
  const release = { path: 'acme/agent', version: '1', to: 'true', installer, keyFile: undefined }
  const plan = planRelease(mesh(), backend.held, release, Date.now())
  const { document } = signRelease(plan, { artifact: { hash: encoding.sha256, length: 5 }, encoding })
  const before = hashOf(dir)
  const meanwhile = () => {
    const announcement = Buffer.from(document.raw).toString()
    backend.held = { ...backend.held, roles: [{ role: 'acme', epoch: 1, version: 1, frozen: false, announcement }] }
  }
  const { status, err } = await ask(words(at('ada.key')), agreeing(meanwhile))
  expect([status, err]).toEqual([1, expect.stringMatching(/announced something while you were asked.*\[E_REQUEST\]/)])
  expect(hashOf(dir)).toBe(before)
})
