import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countBits, hasBit } from '../../../src/core/swarm/bitfield.ts'
import { Owners } from '../../../src/core/swarm/owners.ts'

const env = { sha256: (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()) }
const PIECES = 400
const anyNodes = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 })
const ownersOf = (node: string, encoding = 'aa') => new Owners(env, node, encoding, PIECES)
const matesOf = (nodes: readonly string[], node: string) => nodes.filter((mate) => mate !== node)

describe('the owners of pieces', () => {
  it('are one for each piece, as all of them see it, in whatever order they know each other', () => {
    fc.assert(
      fc.property(anyNodes, (nodes) => {
        const mine = nodes.map((node) => ownersOf(node).turns(matesOf(nodes, node))[0] as Uint8Array)
        const turned = nodes.map((node) => ownersOf(node).turns(matesOf(nodes, node).reverse())[0] as Uint8Array)
        expect(turned).toEqual(mine)
        for (let index = 0; index < PIECES; index++) expect(mine.filter((bits) => hasBit(bits, index))).toHaveLength(1)
      }),
      { numRuns: 30 },
    )
  })

  it('have an order in which no two nodes have one place', () => {
    fc.assert(
      fc.property(anyNodes, (nodes) => {
        const turns = nodes.map((node) => ownersOf(node).turns(matesOf(nodes, node)))
        for (let place = 0; place < (turns[0]?.length ?? 0); place++)
          for (let index = 0; index < PIECES; index++)
            expect(turns.filter((of) => hasBit(of[place] as Uint8Array, index))).toHaveLength(1)
      }),
      { numRuns: 10 },
    )
  })

  it('change only for the pieces of whoever leaves, and the next in order gets them', () => {
    fc.assert(
      fc.property(anyNodes, fc.nat(), (nodes, place) => {
        const leaving = nodes[place % nodes.length] as string
        for (const node of matesOf(nodes, leaving)) {
          const owners = ownersOf(node)
          const [before, order] = [(owners.turns(matesOf(nodes, node))[0] as Uint8Array).slice(), owners]
          const places = Array.from({ length: PIECES }, (_, index) => order.place(matesOf(nodes, node), index))
          const after = owners.turns(matesOf(matesOf(nodes, leaving), node))[0] as Uint8Array
          for (let index = 0; index < PIECES; index++) {
            if (hasBit(before, index)) expect(hasBit(after, index)).toBe(true)
            else if (hasBit(after, index)) expect(places[index]).toBe(1)
          }
        }
      }),
      { numRuns: 20 },
    )
  })

  it('have about as many pieces each, others for another encoding', () => {
    const nodes = Array.from({ length: 8 }, (_, i) => `node${i}`)
    const mine = (ownersOf('node0').turns(matesOf(nodes, 'node0'))[0] as Uint8Array).slice()
    const other = ownersOf('node0', 'bb').turns(matesOf(nodes, 'node0'))[0] as Uint8Array
    for (const node of nodes) {
      const count = countBits(ownersOf(node).turns(matesOf(nodes, node))[0] as Uint8Array)
      expect(count).toBeGreaterThan(PIECES / 8 / 2)
      expect(count).toBeLessThan((PIECES / 8) * 2)
    }
    expect(other).not.toEqual(mine)
  })
})
