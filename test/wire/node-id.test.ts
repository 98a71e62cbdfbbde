import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nodeIdOf, nodeKey } from '../../src/wire/node-id.ts'
import { Recent } from '../../src/wire/recent.ts'

const publicKey = fc.uint8Array({ minLength: 32, maxLength: 32 })

it('a node id holds its key', () => {
  fc.assert(fc.property(publicKey, (key) => void expect(nodeKey(nodeIdOf(key))).toEqual(key)))
})

it('is the PeerId that libp2p makes', async () => {
  const secret = await generateKeyPair('Ed25519')
  const peer = peerIdFromPrivateKey(secret)
  expect(nodeIdOf(peer.publicKey.raw)).toBe(peer.toString())
  expect(nodeKey(peer.toString())).toEqual(peer.publicKey.raw)
})

it('other ids and junk have no key, and do not throw', async () => {
  const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
  const own = nodeIdOf(new Uint8Array(32))
  for (const id of [other, '', 'x'.repeat(52), `1${own.slice(1, 51)}0`, own.slice(1), `${own}1`, own.replace('D', 'l')])
    expect(nodeKey(id)).toBeUndefined()
  fc.assert(fc.property(fc.string({ minLength: 50, maxLength: 54 }), (id) => void expect(nodeKey(id)).toBeUndefined()))
})

it('has one spelling only: whatever has a key is the id of that key', () => {
  const letter = fc.constantFrom(...' 123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz')
  const alike = fc
    .tuple(publicKey, fc.nat(51), letter)
    .map(([key, at, other]) => `${nodeIdOf(key).slice(0, at)}${other}${nodeIdOf(key).slice(at + 1)}`)
  fc.assert(
    fc.property(alike, (id) => {
      const key = nodeKey(id)
      if (key !== undefined) expect(nodeIdOf(key)).toBe(id)
    }),
  )
})

it('the memory of results keeps the latest used ones', () => {
  const made: string[] = []
  const recent = new Recent<string, string>(2)
  const make = (key: string) => {
    made.push(key)
    return key.toUpperCase()
  }
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) expect(recent.get(key, make)).toBe(key.toUpperCase())
  expect(made).toEqual(['a', 'b', 'c', 'b'])
  expect(recent.size).toBe(2)
})
