// What can be said of a laboratory in words, and what is refused with a sentence.
import { expect, describe as group, it } from 'vitest'
import { describe, parseSite, type SiteWords } from './description.ts'

group('a description', () => {
  it('is filled in: one node a site, multicast on, a LAN and a zone of its own', () => {
    const { sites } = describe([parseSite('open:2,name=pub'), parseSite('plain')])
    expect(sites[0]).toMatchObject({ name: 'pub', kind: 'open', nodes: 2, zone: '/lab/pub' })
    expect(sites[1]).toMatchObject({ name: 'plain', nodes: 1, multicast: true, lan: 2, starts: 0 })
  })

  it('is read from words', () => {
    expect(parseSite('plain:3,name=home,up=2,down=10.5,multicast=off,lan=1,zone=/uk,starts=asked')).toEqual({
      name: 'home',
      kind: 'plain',
      nodes: 3,
      up: 2,
      down: 10.5,
      multicast: false,
      lan: 1,
      zone: '/uk',
      starts: 'asked',
    })
  })

  it('is refused with a sentence when it cannot be', () => {
    const refused = (...sites: SiteWords[]) => expect(() => describe(sites))
    refused().toThrow('1 to 200 nodes')
    refused(parseSite('plane')).toThrow('no kind "plane"')
    refused(parseSite('plain'), parseSite('plain:2')).toThrow('two sites have the name "plain"')
    refused(parseSite('plain:x')).toThrow('plain: "NaN" is no number of nodes')
    refused(parseSite('plain,up=0')).toThrow('a number of Mbit/s')
    refused(parseSite('plain,name=a-b')).toThrow('is no name of a site')
    expect(() => parseSite('plain,speed=3')).toThrow('"speed=3" in "plain,speed=3" is not known')
  })
})
