// `pimesh keys`: makes key files, says what they are, and puts a passphrase on them or takes it off. Offline.
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { Failure } from '../core/failure.ts'
import { nearest } from '../core/nearest.ts'
import type { KeyFile } from '../publish/keys.ts'
import type { Mesh } from '../publish/mesh.ts'
import { pairLines, tableLines } from './format/table.ts'
import { type Command, type Context, meshOption, outputOption } from './frame/command.ts'
import { meshFolder } from './frame/folders.ts'
import { Passphrases, passphraseOption } from './frame/passphrase.ts'

export const keys: Command = {
  name: 'keys',
  summary: 'make, list and encrypt the key files that sign',
  usage: 'new NAME [--plain] [--out FILE] | list | (show | protect | unprotect) NAME|FILE',
  details: `Works offline. "new" makes an Ed25519 key in the mesh's folder, or at --out on a machine that has none, encrypted with a passphrase that
is typed twice; it never writes over a file. "show" needs no passphrase: what it prints as public is what others need, and no secret.
"protect" encrypts a key file with a passphrase, or with another one; "unprotect" makes it plain again.`,
  positionals: [1, 2],
  needs: 'to know what to do, as in "pimesh keys list"',
  options: {
    plain: { type: 'boolean', help: 'new: do not encrypt it' },
    out: { type: 'string', value: 'FILE', help: "new: write it there, or into that folder, instead of the mesh's" },
    ...passphraseOption,
    ...meshOption,
    ...outputOption,
  },
  examples: [
    ['pimesh keys new alice --out /media/usb', "a publisher's key on a stick, as alice.key"],
    ['pimesh keys list', "what is in the mesh's folder, and what it is for"],
    ['pimesh keys show alice', 'its public key, for the owner of a mesh'],
    ['pimesh keys protect publisher', 'signing asks for a passphrase from now on'],
  ],
  run,
}

type Action = (context: Context, named: string | undefined) => Promise<void>
const actions = new Map<string, Action>([
  ['new', create],
  ['list', list],
  ['show', show],
  ['protect', protect],
  ['unprotect', unprotect],
])

async function run(context: Context): Promise<number> {
  const [word = '', named] = context.args.positionals
  context.args.choice('output', ['table', 'json'], 'table')
  const action = actions.get(word)
  if (action !== undefined) {
    await action(context, named)
    return 0
  }
  const close = nearest(word, [...actions.keys()])
  const hint = close === undefined ? `it knows ${[...actions.keys()].join(', ')}` : `did you mean "keys ${close}"?`
  throw new Failure('E_USAGE', `keys does not know "${word}": ${hint}`)
}

async function create(context: Context, name: string | undefined): Promise<void> {
  const { args } = context
  const { newKey, newKeyPath, requireNoKey } = await import('../publish/keys.ts')
  const out = args.text('out')
  const path = newKeyPath(out === undefined ? { mesh: await meshForNew(context) } : { out }, name)
  requireNoKey(path)
  const passphrase = args.flag('plain') ? undefined : await new Passphrases(context).choose(path)
  await tell(context, newKey(path, passphrase))
}

/** E_NO_MESH, which says how to do without. */
async function meshForNew(context: Context): Promise<Mesh> {
  try {
    return await meshOf(context)
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.code !== 'E_NO_MESH') throw cause
    const advice = 'name the right folder with --mesh, or where the key should go with --out FILE'
    throw new Failure('E_NO_MESH', `there is no mesh in ${meshFolder(context)}: ${advice}`, { cause })
  }
}

async function list(context: Context, surplus: string | undefined): Promise<void> {
  const { args, terminal } = context
  if (surplus !== undefined)
    throw new Failure('E_USAGE', `"keys list" lists all; for one, "pimesh keys show ${surplus}"`)
  const { listKeys, publicText } = await import('../publish/keys.ts')
  const mesh = await meshOf(context)
  const found = listKeys(mesh)
  for (const { key } of found)
    if (key.exposed) terminal.notice(`${key.path}: others than its owner can read it: chmod 600`)
  if (args.text('output') === 'json') {
    const rows = found.map(({ key, roles }) => ({ ...keyJson(key, publicText(key)), roles }))
    return terminal.json({ schema: 'pimesh.keys/1', mesh: mesh.id, folder: mesh.dir, keys: rows })
  }
  const columns = [
    { title: 'FILE', cell: ({ key }: Row) => basename(key.path) },
    { title: 'KEYID', cell: ({ key }: Row) => key.keyId.slice(0, 16) },
    { title: 'PUBLIC', cell: ({ key }: Row) => `${publicText(key).slice(0, 24)}...` },
    { title: 'STORED', cell: ({ key }: Row) => stored(key) },
    { title: 'FOR', cell: ({ roles }: Row) => roles.join(', ') || 'no role' },
  ]
  terminal.print(tableLines(columns, found).join('\n'))
}

type Row = { key: KeyFile; roles: string[] }

async function show(context: Context, named: string | undefined): Promise<void> {
  await tell(context, await find(context, named))
}

async function protect(context: Context, named: string | undefined): Promise<void> {
  const { rewriteKey } = await import('../publish/keys.ts')
  const key = await find(context, named)
  const passphrases = new Passphrases(context)
  await passphrases.unlock(key)
  rewriteKey(key, await passphrases.choose(key.path))
  context.terminal.print(`${key.path} is encrypted now; keep the passphrase: nobody can open it without`)
}

async function unprotect(context: Context, named: string | undefined): Promise<void> {
  const { rewriteKey } = await import('../publish/keys.ts')
  const key = await find(context, named)
  if (!key.encrypted) throw new Failure('E_KEY', `${key.path} is not encrypted`)
  await new Passphrases(context).unlock(key)
  rewriteKey(key, undefined)
  context.terminal.print(`${key.path} is plain now: whoever reads it can sign`)
}

/** The key of this name in the mesh's folder, or that file. E_KEY when there is neither. */
async function find(context: Context, named: string | undefined): Promise<KeyFile> {
  if (named === undefined)
    throw new Failure('E_USAGE', 'name a key of the mesh, or a file, as in "pimesh keys show alice"')
  const { keyPath, readKey } = await import('../publish/keys.ts')
  const inMesh = keyPath(meshFolder(context), named)
  if (inMesh !== undefined && existsSync(inMesh)) return readKey(inMesh)
  if (existsSync(named)) return readKey(resolve(named))
  throw new Failure('E_KEY', `there is no key file ${inMesh ?? named}: "pimesh keys list" shows those of the mesh`)
}

async function meshOf(context: Context): Promise<Mesh> {
  const { openMesh } = await import('../publish/mesh.ts')
  return openMesh(meshFolder(context))
}

/** Says which key it is. */
async function tell(context: Context, key: KeyFile): Promise<void> {
  const { args, terminal } = context
  const { publicText } = await import('../publish/keys.ts')
  if (args.text('output') === 'json') return terminal.json({ schema: 'pimesh.key/1', ...keyJson(key, publicText(key)) })
  const pairs: [string, string][] = [
    ['file', `${key.path} (${stored(key)})`],
    ['keyid', key.keyId],
    ['public', publicText(key)],
  ]
  terminal.print(pairLines(pairs).join('\n'))
}

function keyJson({ path, keyId, encrypted }: KeyFile, text: string) {
  return { file: path, keyid: keyId, public: text, encrypted }
}

function stored({ encrypted }: KeyFile): string {
  return encrypted ? 'encrypted' : 'plain'
}
