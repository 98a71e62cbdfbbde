// Who is asked about a path, in which order: roles in the order of targets, patterns that match whole segments, an end where a role is
// terminating. Delegations have a depth of one: what an announcement delegates further says nothing.
import { expect } from 'vitest'
import { announcementJson } from '../../src/wire/announcement.ts'
import type { JsonObject } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { announcementOf, delegationOf, keyOf, MESH, NOW, releaseOf, targetsOf } from '../fixtures/documents.ts'
import { type Cases, Client, refuses, rootBytes } from './client.ts'

const FIRST = rootBytes({})

/** A role of the targets is `A`, one that A delegates to is `A>B`; `!` is terminating, `~` does not match the path. */
interface Graph {
  edges: string
  /** Whose word on the path is heard, in order. */
  heard: string
}

const graphs: Record<string, Graph> = {
  'basic-delegation': { edges: 'A', heard: 'a' },
  'single-level-delegations': { edges: 'A B', heard: 'a b' },
  'two-level-delegations': { edges: 'A B B>C', heard: 'a b' },
  'two-level-test-DFS-order-of-traversal': { edges: 'A B A>C A>D', heard: 'a b' },
  'three-level-delegation-test-DFS-order-of-traversal': { edges: 'A B A>C C>D', heard: 'a b' },
  'two-level-terminating-ignores-all-but-roles-descendants': { edges: 'A! B A>C A>D', heard: 'a' },
  'three-level-terminating-ignores-all-but-roles-descendants': { edges: 'A! B A>C C>D', heard: 'a' },
  'two-level-ignores-all-branches-not-matching-paths': { edges: 'A~ B A>C', heard: 'b' },
  'three-level-ignores-all-branches-not-matching-paths': { edges: 'A B A>C~ C>D', heard: 'a b' },
  'cyclic-graph': { edges: 'A B B>C C>D D>B', heard: 'a b' },
  'two-roles-delegating-to-a-third': { edges: 'A B B>C A>C', heard: 'a b' },
  'two-roles-delegating-to-a-third-different-paths': { edges: 'A B B>C A>C~', heard: 'a b' },
}

const PATH = 'any/thing'

function delegation(edge: string) {
  const name = (edge.split('>').at(-1) as string).replace(/[!~]/, '').toLowerCase()
  return delegationOf({
    name,
    by: [name],
    paths: edge.endsWith('~') ? ['*.py'] : ['any/*'],
    terminating: edge.endsWith('!'),
  })
}

/** What a role signs, with delegations of its own that TUF would follow. */
function word(name: string, inner: readonly ReturnType<typeof delegation>[], paths: readonly string[]): Uint8Array {
  const frame = { mesh: MESH, role: name, epoch: 1, version: 1, expires: NOW + 1e10 }
  const signed = announcementJson(frame, Object.fromEntries(paths.map((path) => [path, releaseOf()])))
  const keys = new Map(inner.map((role) => [keyOf(role.name).keyId, keyOf(role.name).publicKey]))
  const delegations = targetsJson({ version: 1, expires: NOW, keys, roles: inner }).delegations as JsonObject
  return encodeSigned(inner.length === 0 ? signed : { ...signed, delegations }, [keyOf(name)])
}

function traverse({ edges, heard }: Graph): () => void {
  return () => {
    const [top, below] = [
      edges.split(' ').filter((edge) => !edge.includes('>')),
      edges.split(' ').filter((edge) => edge.includes('>')),
    ]
    const roles = top.map(delegation)
    const client = new Client(FIRST)
    client.offerTargets(targetsOf({ roles, keys: roles.map(({ name }) => name) }).raw)
    for (const role of roles) {
      const inner = below.filter((edge) => edge.startsWith(role.name.toUpperCase())).map(delegation)
      const paths = role.paths[0] === 'any/*' ? [PATH] : []
      expect(client.offer(word(role.name, inner, paths))).toBe('accepted')
    }
    // Nobody listens to whom only a publisher delegates to.
    const lower = new Set(below.map((edge) => delegation(edge).name))
    for (const role of roles) lower.delete(role.name)
    for (const name of lower) expect(client.offer(word(name, [], [PATH]))).toBe('unknownRole')
    expect(client.order(PATH).join(' ')).toBe(heard)
  }
}

interface Search {
  path: string
  /** Whose release it is; undefined when nobody may announce it. */
  role: string | undefined
}

const searches: Record<string, Search> = {
  'targetpath matches wildcard': { path: 'README.md', role: 'a' },
  'targetpath with separators x': { path: 'releases/x/x_v1', role: 'c' },
  'targetpath with separators y': { path: 'releases/y/y_v1.zip', role: 'd' },
  'targetpath is not delegated by all roles in the chain': { path: 'releases/z/z_v1.zip', role: undefined },
  'wildcard does not match path separator': { path: 'releases/README.md', role: undefined },
  'targetpath matches question mark wildcard': { path: 'foo-1.tgz', role: 'a' },
  'targetpath does not match question mark wildcard': { path: 'foo-alpha.tgz', role: undefined },
  'targetpath matching is case sensitive': { path: 'README.MD', role: undefined },
}

function search({ path, role }: Search): () => void {
  return () => {
    const patterns = { a: ['*.doc', '*.md', 'foo-?.tgz'], c: ['releases/x/*'], d: ['releases/y/*.zip'] }
    const roles = Object.entries(patterns).map(([name, paths]) => delegationOf({ name, by: [name], paths }))
    const client = new Client(FIRST)
    client.offerTargets(targetsOf({ roles, keys: Object.keys(patterns) }).raw)
    for (const { name } of roles)
      expect(client.offer(word(name, [], [path]))).toBe(name === role ? 'accepted' : 'outsidePaths')
    expect(client.order(path)).toEqual(role === undefined ? [] : [role])
  }
}

const unusual = (name: string) => () => {
  const role = delegationOf({ name })
  expect(refuses(() => targetsOf({ roles: [role] }))).toBe(true)
  expect(refuses(() => announcementOf({ role: name }))).toBe(true)
}

export const delegations: Cases = {
  ...Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => [`test_graph_traversal[${name}]`, traverse(graph)]),
  ),
  ...Object.fromEntries(
    Object.entries(searches).map(([name, one]) => [`test_targetfile_search[${name}]`, search(one)]),
  ),
  ...Object.fromEntries(
    ['?', '#', '/delegatedrole', '../delegatedrole'].map((name) => [`test_unusual_role_name[${name}]`, unusual(name)]),
  ),
  // The targets of a mesh name no artifacts themselves: only publishers do.
  'test_targetfile_search[no delegations]': () => {
    const signed = targetsJson(targetsOf().signed)
    const own = { ...signed, targets: { targetfile: { length: 1, hashes: { sha256: 'ab'.repeat(32) } } } }
    const client = new Client(FIRST)
    expect(refuses(() => client.offerTargets(encodeSigned(own, [keyOf('targets')])))).toBe(true)
    expect(client.offerTargets(encodeSigned(signed, [keyOf('targets')]))).toBe('accepted')
  },
  // A role has one place, so no authority of another place can be taken along.
  test_cached_role_is_verified_against_current_delegator: () => {
    const twice = [delegationOf({ by: ['a'], paths: ['a/*'] }), delegationOf({ by: ['b'], paths: ['b/*'] })]
    expect(refuses(() => targetsOf({ roles: twice, keys: ['a', 'b'] }))).toBe(true)
    // And what was judged under one delegation is judged again under the next.
    const client = new Client(FIRST)
    const [before, after] = twice
    client.offerTargets(targetsOf({ roles: [before!], keys: ['a', 'b'] }).raw)
    expect(client.offer(announcementOf({ by: ['a'], releases: { 'a/x': releaseOf() } }))).toBe('accepted')
    client.offerTargets(targetsOf({ version: 2, roles: [after!], keys: ['a', 'b'] }).raw)
    expect([client.version(), client.order('a/x')]).toEqual([0, []])
  },
}
