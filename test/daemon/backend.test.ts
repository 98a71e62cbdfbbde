import { describe, expect, it } from 'vitest'
import type { NodesJson } from '../../src/daemon/api-types.ts'
import { oneNode } from '../../src/daemon/one-node.ts'
import { nodeJson, nodesJson } from '../cli/answers.ts'

describe('one node', () => {
  const answer = nodesJson([
    nodeJson({ name: 'pi-1', node: '12D3KooWaa' }),
    nodeJson({ name: 'pi-2', node: '12D3KooWab' }),
  ])
  const partial = { ...answer, completeness: { ...answer.completeness, complete: false, zonesKnown: 2 } }
  const dark = { ...partial, completeness: { ...partial.completeness, dark: 1, darkZones: ['/b'] } }

  it.each([
    [answer, 'pi2', 'no node has the name or id "pi2": did you mean "pi-2"?'],
    [answer, 'n17', 'no node has the name or id "n17": "pimesh nodes" lists all'],
    [partial, 'n17', 'no node has the name or id "n17" in what answered (1 of 2 zones): "pimesh nodes" lists all'],
    [
      dark,
      'pi-3',
      'no node has the name or id "pi-3" in what answered (1 of 2 zones): it may be in a zone that does not answer (/b); or did you mean "pi-1"?',
    ],
    [
      dark,
      'n17',
      'no node has the name or id "n17" in what answered (1 of 2 zones): it may be in a zone that does not answer (/b)',
    ],
    [answer, '12D3', '"12D3" fits 2 nodes (pi-1 12D3KooWaa, pi-2 12D3KooWab): give more of the id'],
    [
      { ...partial, zones: [...answer.zones, { ...answer.zones[0], zone: '/b', state: 'forbidden' }] } as NodesJson,
      'n17',
      'no node has the name or id "n17" in what answered (1 of 2 zones): nodes of other zones are told to operators: ask there, or with an operator\'s peer ("pimesh attach")',
    ],
  ])('that cannot be named, in one sentence (%#)', (of, which, message) => {
    expect(() => oneNode(of, which)).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_NODE', message }))
  })

  it('whose name several have is told apart by id, with five of them at most', () => {
    const called = (count: number) =>
      nodesJson(Array.from({ length: count }, (_, at) => nodeJson({ name: 'pi', node: `12D3KooW${at}`, zone: '/a' })))
    expect(() => oneNode(called(2), 'pi')).toThrow(
      'two nodes have this name, use an id: 12D3KooW0 in /a, 12D3KooW1 in /a',
    )
    expect(() => oneNode(called(7), 'pi')).toThrow(/^7 nodes have this name, .*12D3KooW4 in \/a, and 2 more$/)
  })

  it.each(['pi-2', '12D3KooWab'])('%s is found', (which) => {
    expect(oneNode(answer, which).nodes.map(({ name }) => name)).toEqual(['pi-2'])
  })
})
