// Which role announces a path, and with which key: what decides whether any node would listen.
import { Failure } from '../core/failure.ts'
import type { Delegation, Targets } from '../core/trust/documents.ts'
import { covers } from '../core/trust/paths.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { type Mesh, meshKeys, readKey } from './mesh.ts'

/** The keys that may sign. */
export interface PublisherKeys {
  /** keyId -> key, locked when its file is encrypted. */
  keys: ReadonlyMap<string, KeyFile>
  /** Where they are: the file that was named, or a folder. */
  from: { file: string } | { folder: string }
}

/** The key in `keyFile`, or those in the mesh folder. @throws Failure E_KEY (no such file, no key file), E_STATE (damaged) */
export function publisherKeys(mesh: Mesh, keyFile: string | undefined): PublisherKeys {
  if (keyFile === undefined) return { keys: meshKeys(mesh), from: { folder: `${mesh.dir}/keys` } }
  const key = readKey(keyFile)
  return { keys: new Map([[key.keyId, key]]), from: { file: keyFile } }
}

/**
 * The first role, in the order of the targets document, that may announce `path` and has one of these keys. A role before it
 * must not decide about the path instead: a terminating one does, and one that announces the path (`announcing`).
 * @throws Failure E_PATH, E_KEY
 */
export function chooseRole(
  targets: Targets,
  path: string,
  { keys, from }: PublisherKeys,
  announcing: readonly string[],
): { role: Delegation; key: KeyFile } {
  const keyOf = (role: Delegation) => role.keyIds.flatMap((keyId) => keys.get(keyId) ?? [])[0]
  const fitting = targets.roles.filter((role) => covers(role, path))
  const role = fitting.find((one) => keyOf(one) !== undefined)
  const first = role ?? fitting[0]
  if (role !== undefined) requireFirst(role, path, fitting, announcing)
  if (first !== undefined && first.threshold > 1) throw needsSeveral(first)
  if (role === undefined) throw unsignable(targets, path, fitting, { held: targets.roles.filter(keyOf), from })
  return { role, key: keyOf(role) as KeyFile }
}

function needsSeveral({ name, threshold }: Delegation): Failure {
  const steps = `"pimesh publish FILE ... --prepare OUT", then "pimesh sign OUT --key FILE" with each of ${threshold} keys, then "pimesh publish --submit OUT"`
  return new Failure('E_KEY', `the role "${name}" needs ${threshold} signatures, and this gives one: run ${steps}`)
}

/**
 * The role that announces `path` when others sign: the one with this name, or the first that may. A role before it must not decide
 * about the path instead, as in chooseRole.
 * @throws Failure E_PATH, E_KEY
 */
export function namedRole(
  targets: Targets,
  path: string,
  name: string | undefined,
  announcing: readonly string[],
): Delegation {
  const fitting = targets.roles.filter((role) => covers(role, path))
  const role = name === undefined ? fitting[0] : targets.roles.find((one) => one.name === name)
  if (role !== undefined && fitting.includes(role)) {
    requireFirst(role, path, fitting, announcing)
    return role
  }
  const all = targets.roles.map((one) => `"${one.name}" (${one.paths.join(', ')})`).join(', ')
  const problem =
    name === undefined
      ? `no role of this mesh may announce "${path}"`
      : role === undefined
        ? `no role of this mesh is called "${name}"`
        : `the role "${name}" may not announce "${path}"`
  throw new Failure('E_PATH', `${problem}: choose among ${all}`)
}

function requireFirst(
  role: Delegation,
  path: string,
  fitting: readonly Delegation[],
  announcing: readonly string[],
): void {
  const first = fitting.slice(0, fitting.indexOf(role)).find((one) => one.terminating || announcing.includes(one.name))
  if (first === undefined) return
  throw new Failure(
    'E_KEY',
    `"${path}" is decided by the role "${first.name}", which comes before "${role.name}": sign with a key of "${first.name}"`,
  )
}

function unsignable(
  { roles }: Targets,
  path: string,
  fitting: readonly Delegation[],
  { held, from }: { held: readonly Delegation[]; from: PublisherKeys['from'] },
): Failure {
  if (fitting.length > 0) {
    const names = `the role ${fitting.map(({ name }) => `"${name}"`).join(' or ')}, which announces "${path}"`
    if ('file' in from)
      return new Failure('E_KEY', `the key in ${from.file} is not one of ${names}: give another with --key FILE`)
    return new Failure('E_KEY', `${from.folder} has no key of ${names}: copy it there, or give it with --key FILE`)
  }
  if (held.length > 0) {
    const allowed = held.map(({ name, paths }) => `the role "${name}" may announce (${paths.join(', ')})`).join(' or ')
    return new Failure('E_PATH', `"${path}" is outside what ${allowed}: choose a path within it`)
  }
  const all = roles.flatMap(({ paths }) => paths).join(', ')
  return new Failure('E_PATH', `no role of this mesh may announce "${path}", only ${all}: choose a path within that`)
}
