// Another process for turn.test.ts, with a mesh on a small disk that gets full: what fails then, what it leaves, and what goes on when
// there is space again, as JSON.
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DAY } from '../../src/core/limits.ts'
import { completeRequest } from '../../src/publish/complete-request.ts'
import { keepAnnouncement, meshTargets } from '../../src/publish/delegations.ts'
import { initMesh, meshKeys } from '../../src/publish/mesh.ts'
import { addSignature, makeRequest } from '../../src/publish/signing-request.ts'
import { inTurn } from '../../src/publish/turn.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { announcementOf, NOW } from '../fixtures/documents.ts'

const [disk = ''] = process.argv.slice(2)
const pad = join(disk, 'pad')
const mesh = initMesh({ dir: join(disk, 'mesh'), name: 'acme' }, NOW)
const { signed } = meshTargets(mesh)
const draft = { kind: 'targets', signed: targetsJson({ ...signed, version: 2, expires: NOW + DAY }) } as const
const unsigned = makeRequest(mesh, { ...draft, previous: undefined }, NOW)
const key = [...meshKeys(mesh).values()].find(({ keyId }) => keyId === mesh.root.signed.roles.targets.keyIds[0])
if (key === undefined) throw new Error('init makes a key for targets')
const request = addSignature(unsigned, key, NOW)
// Whoever may not delegate has no such folder.
rmSync(join(mesh.dir, 'targets'), { recursive: true })

const names = () => readdirSync(mesh.dir, { recursive: true }).map(String).sort()
const codeOf = async (work: () => unknown) => {
  try {
    await work()
    return null
  } catch (error) {
    return (error as { code?: string }).code
  }
}
const everything = async () => [
  await codeOf(() => inTurn(mesh, async () => undefined, AbortSignal.timeout(10_000))),
  await codeOf(() => completeRequest(mesh, request)),
  await codeOf(() => keepAnnouncement(mesh, announcementOf(), 'accepted')),
]

const before = names()
const { bavail, bsize } = statfsSync(disk)
writeFileSync(pad, Buffer.alloc(bavail * bsize, 1))
const full = await everything()
const left = names().filter((name) => !before.includes(name))
rmSync(pad)
process.stdout.write(JSON.stringify({ full, left, after: await everything() }))
