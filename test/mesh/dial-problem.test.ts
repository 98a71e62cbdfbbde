// Why a dial failed, in words.
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { dialProblem } from '../../src/mesh/dial-problem.ts'

it('says what the kernel says of a closed port, in words', async () => {
  const error = await new Promise((resolve) => connect(1, '127.0.0.1').once('error', resolve))
  expect(dialProblem(error)).toBe('connection refused')
})

it('knows silence, names, routes, and relays that do not help', () => {
  const abort = AbortSignal.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
  expect(dialProblem(abort.reason)).toBe('no answer in time')
  expect(dialProblem(new Error('getaddrinfo ENOTFOUND nowhere.invalid'))).toBe('its name cannot be resolved')
  expect(dialProblem(new Error('connect ENETUNREACH 44.1.1.1:1'))).toBe('no route there')
  expect(dialProblem(new Error('read ECONNRESET'))).toBe('the connection was cut off')
  expect(dialProblem(new Event('close'))).toBe('the connection was cut off')
  expect(dialProblem(new Error('failed to connect via relay with status NO_RESERVATION'))).toBe(
    'the relay does not hear of it any more',
  )
})

it('leaves alone what it does not know', () => {
  expect([dialProblem(new Error('odd')), dialProblem('odder')]).toEqual(['odd', 'odder'])
})
