// Acceptance A6: a mistake gets one sentence with a stable code and the right exit status, and leaves everything as it was.
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FailureCode, failureCodes } from '../../src/core/failure.ts'
import { HOUR, MINUTE } from '../../src/core/limits.ts'
import type { InviteOptions } from '../../src/publish/invite.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { initMesh, type Mesh, openMesh } from '../../src/publish/mesh.ts'
import { encodeToken, parseToken } from '../../src/wire/token.ts'
import { Fleet, freePort, type Outcome, type RunOptions } from './fleet.ts'
import { contents, dataContents } from './folder-state.ts'

const ZONE = '/e2e/north'
/** It runs all the time. */
const MEMBER = 'n1'
/** It ran once, and does not run. */
const RESTING = 'n2'

let fleet: Fleet
let mesh: Mesh
let foreign: Mesh
/** Address of the member. */
let via: string
let memberStatus: { pid: number; incarnation: number }

beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  mesh = openMesh(fleet.path('mesh'))
  foreign = initMesh({ dir: fleet.path('foreign') }, Date.now())
  await fleet.add(MEMBER, await fleet.invite(ZONE, '--first'))
  via = await fleet.address(MEMBER)
  await fleet.add(RESTING, tokenOf(mesh))
  await fleet.stop(RESTING, 'SIGTERM')
  memberStatus = await statusOfMember()
})
afterAll(() => fleet?.dispose())

function tokenOf(of: Mesh, options: Partial<InviteOptions> = {}, now = Date.now()): string {
  return makeInvite(of, { zone: ZONE, via: [via], ...options }, now).token
}

async function statusOfMember(): Promise<{ pid: number; incarnation: number }> {
  const { process, incarnation } = await fleet.client(MEMBER).status()
  return { pid: process.pid, incarnation }
}

/** All that the commands could have changed. */
async function everything(): Promise<object> {
  return {
    files: await contents(fleet.folder, [`${MEMBER}/db`, `${RESTING}/db`]),
    resting: await dataContents(fleet.path(RESTING)),
    member: await statusOfMember(),
  }
}

/**
 * Runs a command that has to be refused with this code and words, in one sentence after nothing but news of its progress.
 * Everything must be as it was.
 */
async function refused(
  code: FailureCode,
  words: readonly string[],
  says: RegExp,
  options: RunOptions = {},
): Promise<void> {
  const before = await everything()
  const outcome = await fleet.run(words, options)
  expectSentence(outcome, code, says)
  expect(await everything(), 'everything as it was').toEqual(before)
}

function expectSentence({ status, out, err }: Outcome, code: FailureCode, says: RegExp): void {
  const lines = err.trimEnd().split('\n')
  expect(lines.filter((line) => !line.startsWith('meeting the member at '))).toHaveLength(1)
  expect(lines.at(-1)).toMatch(new RegExp(`^pimesh: .*[^.] \\[${code}\\]$`))
  expect(lines.at(-1)).toMatch(says)
  expect({ status, out }).toEqual({ status: failureCodes[code], out: '' })
}

describe('join refuses', () => {
  const join = (token: string) => ['join', token, '--data', fleet.path('new', 'data')]

  it('a token that is cut off, and what is no token', async () => {
    await refused('E_TOKEN_DAMAGED', join(tokenOf(mesh).slice(0, -20)), /cut off or altered/)
    await refused('E_TOKEN_DAMAGED', join('hello'), /must begin with "pimesh1\."/)
  })

  it('one that has expired', async () => {
    const token = tokenOf(mesh, { expiresInMs: MINUTE }, Date.now() - HOUR)
    await refused('E_TOKEN_EXPIRED', join(token), /expired at 20\d\d-.*; ask for a new one/)
  })

  it('one of another mesh, whose address leads here', async () => {
    await refused('E_TOKEN_FOREIGN', join(tokenOf(foreign)), new RegExp(`another mesh \\(${mesh.id.slice(0, 16)}\\)`))
  })

  it('one whose invite was signed by a stranger', async () => {
    const theirs = parseToken(tokenOf({ ...foreign, id: mesh.id }))
    const { hash, signed } = mesh.root
    const token = encodeToken({ ...theirs, mesh: mesh.id, floor: { version: signed.version, hash } })
    await refused('E_TOKEN_FOREIGN', join(token), /unknownEnroller/)
  })

  it('one that has been used, in whatever folder', async () => {
    const token = tokenOf(mesh)
    await fleet.done('join', token, '--name', 'n3', '--data', fleet.path('n3'))
    await refused('E_TOKEN_USED', join(token), /has been used already/)
  })

  it('when no member can be reached', async () => {
    const node = via.slice(via.lastIndexOf('/') + 1)
    const addresses = [await freePort(), await freePort()].map((port) => `/ip4/127.0.0.1/tcp/${port}/p2p/${node}`)
    await refused(
      'E_NO_MEMBER',
      join(tokenOf(mesh, { via: addresses })),
      /the member that this invite names could not be met, tried [^ ]+ \(connection refused\), [^ ]+ \(connection refused\): check/,
    )
    await refused('E_NO_MEMBER', join(tokenOf(mesh, { via: addresses.slice(1) })), /the member that this invite names/)
  })

  it('in a folder that has joined already', async () => {
    await refused('E_JOINED', ['join', tokenOf(mesh), '--data', fleet.path(RESTING)], /has joined a mesh already/)
    await refused('E_JOINED', ['join', tokenOf(mesh), '--data', fleet.path(MEMBER)], /pimesh leave/)
  })
})

describe('up refuses', () => {
  const up = (...more: string[]) => ['up', '--data', fleet.path(RESTING), ...more]
  /** The configuration of the resting node with one thing changed. */
  const configured = async (from: string | RegExp, to: string) => {
    const config = await readFile(fleet.path(RESTING, 'pimesh.toml'), 'utf8')
    await writeFile(fleet.path('changed.toml'), config.replace(from, to))
    return ['--config', fleet.path('changed.toml')]
  }

  it('a port that is taken', async () => {
    const taken = /tcp\/\d+/.exec(via)?.[0] as string
    await refused('E_PORT_TAKEN', up(...(await configured(/tcp\/\d+/, taken))), new RegExp(taken))
  })

  it('a key that it does not know, and names the nearest', async () => {
    await refused('E_CONFIG_KEY', up(...(await configured('period', 'perod'))), /"health\.perod".*"health\.period"/)
    await refused('E_CONFIG_KEY', up(...(await configured('[discovery]', '[discover]'))), /"discovery\.mdns"/)
  })

  it('a value that cannot be, with what it may be', async () => {
    await refused('E_CONFIG', up(...(await configured(/period = \d+/, 'period = "fast"'))), /a number of seconds from/)
    await refused('E_CONFIG', up(...(await configured('["', '"'))), /line 1, column \d+.*not TOML/)
    await refused('E_CONFIG', up('--config', fleet.path('nothing.toml')), /does not exist/)
  })

  it('a folder that another daemon has open', async () => {
    await refused('E_DATA_OPEN', ['up', '--data', fleet.path(MEMBER)], /open in another pimesh daemon/)
  })

  it('a folder that has joined no mesh', async () => {
    await refused('E_NOT_JOINED', ['up', '--data', fleet.path('new', 'data')], /run "pimesh join TOKEN" first/)
  })
})

describe('a data folder that is not writable', () => {
  const remount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
  const root = process.getuid?.() === 0
  const namespaces = root && succeeds('unshare', ['--mount', 'sh', '-c', remount, tmpdir()])

  it('is refused by join', async () => {
    await writeFile(fleet.path('file'), '')
    await refused(
      'E_DATA_WRITE',
      ['join', tokenOf(mesh), '--data', fleet.path('file', 'data')],
      /not writable \(ENOTDIR\)/,
    )
  })

  it.skipIf(root)('is refused by up, when permissions forbid it', async () => {
    await chmod(fleet.path(RESTING), 0o555)
    try {
      await refused('E_DATA_WRITE', ['up', '--data', fleet.path(RESTING)], /not writable \(EACCES\)/)
    } finally {
      await chmod(fleet.path(RESTING), 0o755)
    }
  })

  // Permissions do not hold root back; a read-only mount, in a mount namespace of the command, does.
  it.skipIf(!namespaces)('is refused by up and leave, on a read-only file system', async () => {
    const by = ['unshare', '--mount', 'sh', '-c', `${remount} && exec "$@"`, fleet.path(RESTING)] as const
    await refused('E_DATA_WRITE', ['up', '--data', fleet.path(RESTING)], /not writable \(EROFS\)/, { by })
    await refused('E_DATA_WRITE', ['leave', '--yes', '--data', fleet.path(RESTING)], /Read-only file system/, { by })
  })
})

describe('a full disk', () => {
  const full =
    'mount -t tmpfs -o size=64k tmpfs "$0" && mkdir "$0/d" && { head -c 65536 /dev/zero > "$0/pad"; exec "$@"; }'
  const root = process.getuid?.() === 0
  const namespaces = root && succeeds('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs tmpfs "$0"', tmpdir()])

  it.skipIf(!namespaces)('is refused by join, whether there is a member to meet or not', async () => {
    await mkdir(fleet.path('full'))
    const by = ['unshare', '--mount', 'sh', '-c', full, fleet.path('full')] as const
    for (const token of [tokenOf(mesh), tokenOf(mesh, { founding: true, via: [] })]) {
      await refused('E_DATA_WRITE', ['join', token, '--data', fleet.path('full', 'd')], /ENOSPC.*free some space/, {
        by,
      })
    }
  })
})

describe('other commands refuse', () => {
  it('to leave without --yes', async () => {
    const before = await everything()
    for (const name of [RESTING, MEMBER]) {
      const { status, out, err } = await fleet.run(['leave', '--data', fleet.path(name)])
      expect({ status, out }).toEqual({ status: 2, out: '' })
      expect(err).toMatch(/^this would [\s\S]*\nto come back[\s\S]*Nothing was done: add --yes\n$/)
    }
    expect(await everything()).toEqual(before)
  })

  it('to answer when no daemon runs', async () => {
    await refused('E_NO_DAEMON', ['nodes', '--data', fleet.path(RESTING)], /start it with "pimesh up --data /)
    await refused('E_NO_DAEMON', ['get', 'node', MEMBER, '--data', fleet.path('new')], /there is no such folder/)
  })

  it('what they do not know', async () => {
    await refused('E_USAGE', ['nods'], /did you mean "nodes"\?/)
    await refused('E_USAGE', ['nodes', '--zoen', ZONE], /did you mean --zone\?/)
    await refused('E_UNKNOWN_NODE', ['get', 'node', 'n17', '--data', fleet.path(MEMBER)], /"n17"/)
    await refused('E_NOT_JOINED', ['attach', '--data', fleet.path(RESTING)], /belongs to a node/)
  })

  const system = '/usr/bin/node'
  const old = succeeds(system, [
    '-e',
    'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b > 18) ? 1 : 0)',
  ])
  it.skipIf(!old)('to run on a Node below the floor (skipped where /usr/bin/node is not one)', async () => {
    const lines = [
      ['up', '--data', fleet.path(RESTING)],
      ['join', tokenOf(mesh), '--data', fleet.path('new')],
      ['--version'],
    ]
    for (const words of lines) await refused('E_NODE_OLD', words, /needs Node 22\.19 or newer/, { node: system })
  })
})

describe('after all these refusals', () => {
  it('the node that rested comes up as if nothing had been', async () => {
    await fleet.start(RESTING)
    expect(await fleet.client(RESTING).status()).toMatchObject({ incarnation: 2, alerts: [] })
    expect(await statusOfMember()).toEqual(memberStatus)
  })
})

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: MINUTE })
    return true
  } catch {
    return false
  }
}
