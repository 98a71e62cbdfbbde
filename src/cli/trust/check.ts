// `pimesh trust check`: whether nodes would take a document, and why not. Offline, and decided by the code that decides it on a node.
import { resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import type { Ground } from '../../publish/ground.ts'
import type { Judged } from '../../publish/judge-document.ts'
import { checkLines } from '../format/check.ts'
import { type Command, type Context, meshOption, outputOption } from '../frame/command.ts'
import { meshFolder } from '../frame/folders.ts'

export const check: Command = {
  name: 'trust check',
  summary: 'say whether nodes would take a document, and why not',
  usage: 'FILE [--mesh DIR|--root FILE...] [--targets FILE]',
  details: `FILE is a root, targets, announcement or enrolment statement, or a signing request (or the folder of one), of which the document to
be signed is judged. It is judged under the roots of the mesh folder, beside what the folder knows; or under root documents that you
name, all from version 1 on. Says whose signatures count and whose are missing. Works offline and changes nothing. Exit status: 0 accepted; 1
refused or expired, with the reason code in brackets, or not a document at all; 2 usage.`,
  positionals: [1, 1],
  needs: 'a document, as in "pimesh trust check targets.json"',
  options: {
    ...meshOption,
    root: { type: 'string', multiple: true, value: 'FILE', help: 'judge under these roots instead of a mesh folder' },
    targets: { type: 'string', value: 'FILE', help: 'judge an announcement under these targets' },
    ...outputOption,
  },
  examples: [
    ['pimesh trust check /media/usb/root-3.json', 'before it is handed in'],
    ['pimesh trust check stick/agent', 'whose signature a signing request still lacks'],
    ['pimesh trust check a.json --root 1.json --root 2.json --targets t.json', 'without a mesh folder'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const roots = args.texts('root')
  if (roots.length > 0 && args.text('mesh') !== undefined)
    throw new Failure('E_USAGE', 'say under which roots: those of the folder --mesh DIR, or those of --root FILE')
  const { readDocumentFile } = await import('../../publish/document-file.ts')
  const { judgeContent } = await import('../../publish/judge-document.ts')
  const file = resolve(args.positionals[0] as string)
  const content = readDocumentFile(file)
  const judged = judgeContent(content, await groundOf(context, roots), Date.now())
  if (output === 'json')
    terminal.json({ schema: 'pimesh.check/1', file, request: content.kind === 'request', ...checkJson(judged) })
  else terminal.print(checkLines(judged, terminal).join('\n'))
  return judged.verdict.verdict === 'accepted' ? 0 : 1
}

async function groundOf(context: Context, roots: readonly string[]): Promise<Ground> {
  const { groundOfMesh, groundOfRoots, withTargetsFile } = await import('../../publish/ground.ts')
  const { openMesh } = await import('../../publish/mesh.ts')
  const ground = roots.length > 0 ? groundOfRoots(roots) : groundOfMesh(openMesh(meshFolder(context)))
  const targets = context.args.text('targets')
  return targets === undefined ? ground : withTargetsFile(ground, targets)
}

function checkJson({ subject: { kind, document }, verdict, ground }: Judged) {
  const { signed, hash } = document
  const { quorums, signatures, code = null, reason } = verdict
  return {
    ...{ kind, version: signed.version, hash },
    role: 'role' in signed ? signed.role : null,
    epoch: 'epoch' in signed ? signed.epoch : null,
    enroller: 'enroller' in signed ? signed.enroller : null,
    expires: 'expires' in signed ? new Date(signed.expires).toISOString() : null,
    ...{ verdict: verdict.verdict, code, reason },
    under: {
      ...{ name: ground.name, mesh: ground.mesh, rootVersion: ground.root.signed.version },
      targetsVersion: ground.targets?.signed.version ?? null,
    },
    quorums: quorums.map(({ name, threshold, keyIds, signed: by }) => ({
      ...{ name, threshold, keys: keyIds, signed: by },
      missing: Math.max(0, threshold - by.length),
    })),
    signatures: signatures.map(({ keyId, counts, worth }) => ({ key: keyId, counts, worth })),
  }
}
