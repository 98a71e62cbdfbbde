// Root and targets documents that several signed, taken into the mesh's folder: what does not follow what is there is refused.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { DAY } from '../../src/core/limits.ts'
import { completeRequest } from '../../src/publish/complete-request.ts'
import { meshTargets } from '../../src/publish/delegations.ts'
import { initMesh, type Mesh, meshKeys, openMesh } from '../../src/publish/mesh.ts'
import { addSignature, makeRequest, type SigningRequest } from '../../src/publish/signing-request.ts'
import { announcementJson } from '../../src/wire/announcement.ts'
import { rootJson } from '../../src/wire/root.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { keyOf, NOW } from '../fixtures/documents.ts'

let home: string
let mesh: Mesh
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pimesh-complete-'))
  mesh = initMesh({ dir: join(home, 'mesh'), name: 'acme' }, NOW)
})
afterEach(() => rmSync(home, { recursive: true }))

const failure = (code: FailureCode, text = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(text) })

/** By the key in the folder that counts. */
function signed(request: SigningRequest): SigningRequest {
  const own = [...meshKeys(mesh).values()].find(({ keyId }) =>
    request.quorums.some((one) => one.keyIds.includes(keyId)),
  )
  return addSignature(request, own!, NOW)
}

function targetsRequest(lifetime = DAY): SigningRequest {
  const previous = meshTargets(mesh)
  const next = { ...previous.signed, version: previous.signed.version + 1, expires: NOW + lifetime }
  return makeRequest(mesh, { kind: 'targets', signed: targetsJson(next), previous }, NOW)
}

function rootRequest(threshold = 1): SigningRequest {
  const { signed: old } = mesh.root
  const [second] = [keyOf('second')]
  const root = { keyIds: [...old.roles.root.keyIds, second!.keyId], threshold }
  const keys = new Map([...old.keys, [second!.keyId, second!.publicKey]])
  const next = { ...old, version: old.version + 1, keys, roles: { ...old.roles, root } }
  return makeRequest(mesh, { kind: 'root', signed: rootJson(next) }, NOW)
}

it('targets become the newest in the folder', () => {
  const request = signed(targetsRequest())
  const path = completeRequest(mesh, request)
  expect(new Uint8Array(readFileSync(path))).toEqual(request.document.raw)
  expect(meshTargets(mesh).hash).toBe(request.document.hash)
})

it('a root becomes the newest, and the folder opens with it', () => {
  const request = addSignature(signed(rootRequest(2)), keyOf('second'), NOW)
  completeRequest(mesh, request)
  expect(openMesh(mesh.dir).root.hash).toBe(request.document.hash)
})

it('without enough signatures nothing is written', () => {
  expect(() => completeRequest(mesh, targetsRequest())).toThrow(failure('E_SIGNATURES', 'the role "targets"'))
  const half = signed(rootRequest(2))
  expect(() => completeRequest(mesh, half)).toThrow(failure('E_SIGNATURES', '1 more of the root keys of version 2'))
  expect(existsSync(join(mesh.dir, 'root', '2.json'))).toBe(false)
})

it('what does not follow what is in the folder is refused', () => {
  const [first, second] = [signed(targetsRequest()), signed(targetsRequest(2 * DAY))]
  completeRequest(mesh, first)
  expect(() => completeRequest(mesh, second)).toThrow(failure('E_REQUEST', 'does not follow what is there'))
  const root = signed(rootRequest())
  completeRequest(mesh, root)
  mesh = openMesh(mesh.dir)
  expect(() => completeRequest(mesh, root)).toThrow(failure('E_REQUEST', 'another than the one it was prepared under'))
  expect(meshTargets(mesh).hash).toBe(first.document.hash)
})

it('of another mesh, or for a release, is refused', () => {
  const other = initMesh({ dir: join(home, 'other'), name: 'acme' }, NOW)
  expect(() => completeRequest(other, signed(targetsRequest()))).toThrow(failure('E_REQUEST', 'for another mesh'))
  const frame = { mesh: mesh.id, role: 'acme', epoch: 1, version: 1, expires: NOW + DAY }
  const draft = { kind: 'announcement', signed: announcementJson(frame, {}), previous: undefined } as const
  const release = signed(makeRequest(mesh, { ...draft, targets: meshTargets(mesh) }, NOW))
  expect(() => completeRequest(mesh, release)).toThrow(failure('E_REQUEST', 'pimesh publish --submit'))
})

it('a folder that cannot be written says so', () => {
  rmSync(join(mesh.dir, 'root'), { recursive: true })
  writeFileSync(join(mesh.dir, 'root'), '')
  expect(() => completeRequest(mesh, signed(rootRequest()))).toThrow(failure('E_DATA_WRITE', 'EEXIST'))
})
