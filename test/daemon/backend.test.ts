import { describe, expect, it } from 'vitest'
import { oneNode } from '../../src/daemon/backend.ts'
import { nodeJson, nodesJson } from '../cli/answers.ts'

describe('one node', () => {
  const answer = nodesJson([
    nodeJson({ name: 'pi-1', node: '12D3KooWaa' }),
    nodeJson({ name: 'pi-2', node: '12D3KooWab' }),
  ])
  const partial = { ...answer, completeness: { ...answer.completeness, complete: false, zonesKnown: 2 } }

  it.each([
    [answer, 'pi2', 'no node has the name or id "pi2": did you mean "pi-2"?'],
    [answer, 'n17', 'no node has the name or id "n17": "pimesh nodes" lists all'],
    [partial, 'n17', 'no node has the name or id "n17" in what answered (1 of 2 zones): "pimesh nodes" lists all'],
    [answer, '12D3', '"12D3" fits 2 nodes (pi-1 12D3KooWaa, pi-2 12D3KooWab): give more of the id'],
  ])('that cannot be named, in one sentence (%#)', (of, which, message) => {
    expect(() => oneNode(of, which)).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_NODE', message }))
  })

  it.each(['pi-2', '12D3KooWab'])('%s is found', (which) => {
    expect(oneNode(answer, which).nodes.map(({ name }) => name)).toEqual(['pi-2'])
  })
})
