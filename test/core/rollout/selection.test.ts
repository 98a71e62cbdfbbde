import { describe, expect, it } from 'vitest'
import { type Current, choose as chooseAmong, type Judge, lacks } from '../../../src/core/rollout/selection.ts'
import { announced, hashOf, releaseOf, roleOf } from './world.ts'

const judge: Judge = {
  selects: (release) => release.to === 'true',
  floors: () => [],
  forbids: () => undefined,
  isNews: () => true,
}
const choose = (current: readonly Current[], by: Judge) =>
  chooseAmong(
    current.map(({ role }) => role),
    current,
    by,
  )
const holdOf = (release = releaseOf(3), changes = {}, floors: ReturnType<Judge['floors']> = []) =>
  choose([announced([release], changes)], { ...judge, floors: () => floors }).get(release.path)?.hold

describe('which release counts for a path', () => {
  it('is that of the first role that announces it, whatever the counters say', () => {
    const [first, second] = [releaseOf(2, { name: 'first' }), releaseOf(9, { name: 'second' })]
    const choices = choose([announced([first]), announced([second], { name: 'other' })], judge)
    expect(choices.get(first.path)?.release).toBe(first)
  })

  it('comes of a later role when the first does not announce it', () => {
    const other = releaseOf(1, { path: 'acme/other' })
    const choices = choose([announced([releaseOf(1)]), announced([other], { name: 'other' })], judge)
    expect([...choices.keys()]).toEqual(['acme/agent', 'acme/other'])
  })

  it('is nothing behind a terminating role that covers the path without announcing it', () => {
    const role = roleOf('first', { terminating: true })
    const later = announced([releaseOf(1), releaseOf(1, { path: 'tools/x' })], {
      role: roleOf('second', { paths: ['acme/*', 'tools/*'] }),
    })
    expect([...choose([announced([], { role }), later], judge).keys()]).toEqual(['tools/x'])
  })

  it('is nothing either while the word of that role is withheld', () => {
    const [silent, later] = [roleOf('first', { terminating: true }), announced([releaseOf(1)], { name: 'second' })]
    expect(chooseAmong([silent, later.role], [later], judge).size).toBe(0)
    expect(chooseAmong([roleOf('first'), later.role], [later], judge).size).toBe(1)
    expect(chooseAmong([later.role, silent], [later], judge).size).toBe(1)
  })

  it('is nothing outside the patterns of its role (T03)', () => {
    const role = roleOf('role', { paths: ['tools/*'] })
    expect(choose([announced([releaseOf(1)], { role })], judge).size).toBe(0)
    expect(choose([announced([releaseOf(1)])], judge).size).toBe(1)
  })

  it('is selected when its selector names the node', () => {
    const choices = choose([announced([releaseOf(1, { to: 'false' })])], judge)
    expect(choices.get('acme/agent')).toMatchObject({ selected: false, hold: undefined })
  })
})

describe('what keeps a release from being installed', () => {
  const artifact = releaseOf(3).artifact.hash

  it('is a lower counter than one that was accepted before, or its own with another artifact (T08)', () => {
    expect(holdOf(releaseOf(3), {}, [{ counter: 4, artifact }])).toBe('oldCounter')
    expect(holdOf(releaseOf(3), {}, [{ counter: 3, artifact: hashOf('art', 'another') }])).toBe('oldCounter')
    expect(holdOf(releaseOf(3), {}, [{ counter: 3, artifact }])).toBeUndefined()
    expect(holdOf(releaseOf(3), {}, [{ counter: 2, artifact: hashOf('art', 'another') }])).toBeUndefined()
    expect(
      holdOf(releaseOf(3), {}, [
        { counter: 3, artifact },
        { counter: 4, artifact },
      ]),
    ).toBe('oldCounter')
  })

  it('is a floor of the role that counts, not of another one (T03)', () => {
    const asked: string[] = []
    const floors: Judge['floors'] = ({ name }) => {
      asked.push(name)
      return name === 'second' ? [{ counter: 2 ** 31 - 1, artifact }] : []
    }
    const both = [announced([releaseOf(3)], { name: 'first' }), announced([releaseOf(9)], { name: 'second' })]
    const choice = choose(both, { ...judge, floors }).get('acme/agent')
    expect([choice?.hold, choice?.role, choice?.epoch, asked]).toEqual([undefined, 'first', 1, ['first']])
  })

  it('is a role that said two things (T24), or a proven expiry', () => {
    expect(holdOf(releaseOf(3), { frozen: true, expired: true })).toBe('frozen')
    expect(holdOf(releaseOf(3), { expired: true })).toBe('expired')
  })

  it('is what the owner of the zone does not let in, after what lasts longer and before what passes', () => {
    const hold = (forbidden: ReturnType<Judge['forbids']>, changes = {}, release = releaseOf(3)) =>
      choose([announced([release], changes)], { ...judge, forbids: () => forbidden }).get(release.path)?.hold
    for (const forbidden of ['notTaken', 'vetoed', 'outsideHours'] as const) expect(hold(forbidden)).toBe(forbidden)
    expect(hold('vetoed', {}, releaseOf(3, { installer: undefined }))).toBe('unsupported')
    expect([hold('vetoed', { frozen: true }), hold('outsideHours', { frozen: true })]).toEqual(['vetoed', 'frozen'])
  })

  it('is an expiry that cannot be told, unless it is newer than what is installed (T29)', () => {
    const hold = (isNews: boolean, changes = {}) =>
      choose([announced([releaseOf(3)], { unsure: true, ...changes })], { ...judge, isNews: () => isNews }).get(
        'acme/agent',
      )
    expect(hold(true)).toMatchObject({ hold: undefined, unsure: true })
    expect(hold(false)).toMatchObject({ hold: 'clockUnknown', unsure: true })
    expect(hold(false, { unsure: false })).toMatchObject({ hold: undefined, unsure: false })
    expect(hold(false, { expired: true })).toMatchObject({ hold: 'expired' })
  })

  it('is what only a newer pimesh can do', () => {
    expect(holdOf(releaseOf(3, { unsupported: 'the installer "deb"' }))).toBe('unsupported')
    expect(holdOf(releaseOf(3, { installer: undefined }))).toBe('unsupported')
    expect(holdOf(releaseOf(3, { encodings: [] }))).toBe('unsupported')
    expect(lacks(releaseOf(3, { unsupported: 'the installer "deb"' }))).toBe('the installer "deb"')
  })
})
