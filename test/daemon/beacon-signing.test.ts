// The driver signs what the core asks for with the beacon key of this machine, and gives it back (clause BEACON 8).
import { expect, it } from 'vitest'
import type { Effect, Input } from '../../src/core/events.ts'
import type { NodeCore } from '../../src/core/node.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { Driver, type Ports } from '../../src/daemon/driver.ts'
import { verifyStrict } from '../../src/keys/ed25519.ts'
import type { Signatory } from '../../src/wire/signed.ts'
import { keyOf, MESH } from '../fixtures/documents.ts'

const beacon = {
  ...{ mesh: MESH, counter: 7, time: 7 * 3_600_000, rootVersion: 1, rootHash: MESH },
  vector: { targetsVersion: 0, targetsHash: undefined, heads: [] },
}

/** What the core hears when it asks for a signature. */
function asked(beaconKey: Signatory | undefined): Input[] {
  const heard: Input[] = []
  const step = (input: Input): Effect[] => {
    heard.push(input)
    return input.type === 'woken' ? [{ type: 'signBeacon', beacon }] : []
  }
  const core = { step, deadline: () => undefined } as unknown as NodeCore
  const clock = { now: () => 0, wall: () => 0, arm: () => undefined }
  const none = () => undefined
  const told = { onEvent: none, onCredential: none, onDefect: none, onBroken: none }
  const options = { core, mesh8: MESH.slice(0, 16), membership: 'ab'.repeat(16), sign: keyOf('host').sign, ...told }
  new Driver({ clock } as unknown as Ports, { ...options, beaconKey }).feed({ type: 'woken' })
  return heard.slice(1)
}

it('a beacon that the core asks for comes back signed by the beacon key, and by no other', () => {
  const key = keyOf('beacon 1')
  const [input] = asked(key)
  if (input?.type !== 'beaconSigned') throw new Error('nothing was signed')
  expect(input.beacon.signed).toEqual(beacon)
  const role = { keyIds: [key.keyId], threshold: 1 }
  expect(signedBy(input.beacon, new Map([[key.keyId, key.publicKey]]), role, { verifyStrict })).toBe(true)
})

it('a machine without a beacon key signs nothing', () => {
  expect(asked(undefined)).toEqual([])
})
