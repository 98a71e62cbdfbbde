import { beforeEach, describe, expect, it } from 'vitest'
import { announcementOf } from '../../fixtures/documents.ts'
import { delegated, EMPTY, TARGETS, V1, V2, World } from './announcing-world.ts'

let world: World
beforeEach(() => {
  world = delegated()
})

describe('T08 rollback', () => {
  it('is refused after a restart', () => {
    for (const document of [V1, V2]) world.receive(document)
    const restarted = new World({ saved: world.saved() })
    expect(restarted.held()).toBe('acme 2')
    const heard = restarted.hear('peer', V1)
    expect(restarted.verdicts().get(heard)).toBe('ignore')
    restarted.hello('peer', [V1])
    expect([restarted.asked(), restarted.refusals.all()]).toEqual([[], { oldVersion: 1 }])
    const ticket = restarted.submit(V1)
    expect(restarted.submissions().get(ticket)).toBe('oldVersion')
  })

  it('is refused when the cache was wiped and the floors stayed, and what was held comes back', () => {
    for (const document of [V1, V2]) world.receive(document)
    const saved = { ...world.saved(), announcements: [] }
    const wiped = new World({ saved })
    wiped.hello('peer', [V1])
    expect([wiped.held(), wiped.asked()]).toEqual(['', []])
    const ticket = wiped.submit(V1)
    expect(wiped.submissions().get(ticket)).toBe('oldVersion')
    wiped.hello('other', [V2])
    wiped.answer({ other: [V2] })
    wiped.write()
    expect([wiped.held(), wiped.counter()]).toEqual(['acme 2', 1])
  })

  it('by older documents on the disk is dropped, and the disk corrected', () => {
    world.receive(V2)
    const { roleFloors, pathFloors } = world.saved()
    const saved = {
      targets: TARGETS,
      targetsFloor: 1,
      announcements: [{ side: 'held' as const, announcement: V1 }],
      roleFloors,
      pathFloors,
    }
    const restarted = new World({ saved })
    expect(restarted.held()).toBe('')
    restarted.write()
    expect(restarted.saved().announcements).toEqual([])
  })

  it('by an altered document on the disk does not count', () => {
    const forged = announcementOf({ version: 9, by: ['thief'] })
    const saved = { ...EMPTY, targets: TARGETS, announcements: [{ side: 'held' as const, announcement: forged }] }
    expect(new World({ saved }).held()).toBe('')
  })

  it('T30 a crash between writing and its outcome leaves the old or the new state', () => {
    world.receive(V1)
    world.hear('peer', V2)
    world.answer({ peer: [V2] })
    const before = new World({ saved: world.saved() })
    expect([before.held(), world.held()]).toEqual(['acme 1', 'acme 1'])
    world.write()
    expect(new World({ saved: world.saved() }).held()).toBe('acme 2')
  })
})
