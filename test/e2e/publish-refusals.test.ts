// Acceptance E5, at the publisher: a mistake gets one sentence with a stable code and the right exit status, nothing is announced,
// and everything stays as it was: the mesh folder, the peers' folders, and the place for temporary files.
import { execFileSync } from 'node:child_process'
import { appendFile, chmod, mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FailureCode, failureCodes } from '../../src/core/failure.ts'
import { SECOND } from '../../src/core/limits.ts'
import { Fleet, type RunOptions } from './fleet.ts'
import { contents } from './folder-state.ts'
import { committed, initMesh, MIB, PATH, PUBLISHER, publish, randomArtifact } from './releases.ts'

const ZONE = '/e2e/north'
const NODE = 'n1'
const OPERATOR = 'operator'
/** The only node of a mesh of its own: it can reach nobody. */
const LONELY = 'lonely'
const RESTING = 'resting'
/** A folder with a file that nobody wants to read to see whether it is as it was. */
const LARGE = 'large'
const NAME = `${PATH}@2`
const ROOT = process.getuid?.() === 0

let fleet: Fleet
/** A file that could be published. */
let file: string
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  await fleet.done('init', '--name', PUBLISHER, '--mesh', fleet.path('other-mesh'))
  const lonely = await fleet.done('invite', '--zone', ZONE, '--first', '--mesh', fleet.path('other-mesh'))
  await Promise.all([fleet.add(LONELY, lonely), fleet.add(NODE, await fleet.invite(ZONE, '--first'))])
  await fleet.add(OPERATOR, await fleet.invite('/', '--via', await fleet.address(NODE)), 'attach')
  await fleet.until('the operator is linked', 30 * SECOND, async () => {
    return (await fleet.client(OPERATOR).status()).links.length === 1
  })
  const first = randomArtifact(1_000)
  await publish(fleet, OPERATOR, first, 'true')
  await committed(fleet, NODE, first, 30 * SECOND)
  file = fleet.path('artifact')
  await writeFile(file, 'an artifact')
  await Promise.all([RESTING, LARGE, 'tmp'].map((name) => mkdir(fleet.path(name))))
})
afterAll(() => fleet?.dispose())

/** All that a publication could have changed. */
async function everything(): Promise<object> {
  const databases = [NODE, OPERATOR, LONELY].map((name) => `${name}/db`)
  const [files, held, announced] = await Promise.all([
    contents(fleet.folder, [...databases, LARGE]),
    fleet.client(OPERATOR).publishers(),
    fleet.client(NODE).publishers(),
  ])
  return { files, held, announced }
}

const words = (artifact: string, ...more: string[]) => {
  const places = ['--mesh', fleet.path('mesh'), '--data', fleet.path(OPERATOR)]
  return ['publish', artifact, '--name', NAME, '--to', 'true', '--no-wait', ...places, ...more]
}

/** Runs a publication that has to be refused so. Everything must be as it was. */
async function refused(
  code: FailureCode,
  words: readonly string[],
  says: RegExp,
  options: RunOptions = {},
): Promise<void> {
  const before = await everything()
  const { status, out, err } = await fleet.run(words, { ...options, env: { TMPDIR: fleet.path('tmp') } })
  expect(err).toMatch(new RegExp(`^pimesh: [^\\n]*[^.] \\[${code}\\]\\n$`))
  expect(err).toMatch(says)
  expect({ status, out }).toEqual({ status: failureCodes[code], out: '' })
  expect(await everything(), 'everything as it was').toEqual(before)
}

describe('publish refuses as an artifact', () => {
  it('what is not there', async () => {
    await refused('E_ARTIFACT', words(fleet.path('nothing')), /there is no file .*nothing: check the path/)
    await refused('E_ARTIFACT', words(join(file, 'below')), /there is no file .*below/)
  })

  // Permissions do not hold root back; somebody else is held back by a folder that is root's.
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  it.skipIf(ROOT && !succeeds([...nobody, 'true']))('what cannot be read', async () => {
    const secret = fleet.path('secret')
    await writeFile(secret, 'nobody reads this')
    await chmod(secret, 0)
    const by = ROOT ? { by: nobody } : {}
    await refused('E_ARTIFACT', words(secret), /cannot be read \(EACCES\): give yourself the right to read it/, by)
    await chmod(secret, 0o600)
  })

  it('what is empty', async () => {
    await writeFile(fleet.path('empty'), '')
    await refused('E_ARTIFACT', words(fleet.path('empty')), /is empty: there is nothing to publish/)
  })

  it('a folder, and a pipe that somebody might write to', async () => {
    await refused('E_ARTIFACT', words(fleet.path('tmp')), /is a folder: publish a single file/)
    execFileSync('mkfifo', [fleet.path('pipe')])
    await refused('E_ARTIFACT', words(fleet.path('pipe')), /is not a regular file/)
  })

  it('what changes while it is read', async () => {
    const changing = fleet.path(LARGE, 'changing')
    await writeFile(changing, '')
    // Full of holes: it takes no room, and long enough to read.
    await truncate(changing, 512 * MIB)
    let changed: Promise<void> | undefined
    const onProcess: RunOptions['onProcess'] = (child) => {
      changed = encodingBegun(() => child.exitCode !== null).then(() => appendFile(changing, 'more'))
    }
    await refused('E_ARTIFACT_CHANGED', words(changing), /changing changed while it was read: publish it again when/, {
      onProcess,
    })
    await changed
  })

  /** Resolves when the publication has begun to read its artifact: the file that it writes to is there. */
  async function encodingBegun(ended: () => boolean): Promise<void> {
    while (!ended()) {
      const names = await readdir(fleet.path('tmp'), { recursive: true })
      if (names.some((name) => name.endsWith('.encoding'))) return
      await pause(2)
    }
    throw new Error('it ended before it wrote anything')
  }
})

describe('publish refuses as a release', () => {
  it('one whose counter is not newer', async () => {
    await refused(
      'E_COUNTER',
      words(file, '--counter', '1'),
      /counter 1 of acme\/agent is not newer: 1 has been announced/,
    )
  })

  it('a selector that does not parse, with the place', async () => {
    const to = ['--to', 'zone.startsWith("/uk") && (cpus >']
    await refused('E_SELECTOR', words(file, ...to), /not valid at character 34: it ends too early/)
  })

  it('a selector with an unknown fact, with the nearest', async () => {
    await refused('E_SELECTOR', words(file, '--to', 'zonne == "/uk"'), /at character 1: .*did you mean "zone"/)
  })

  it('a key that is not in the role', async () => {
    const key = fleet.path('other-mesh', 'keys', 'publisher.key')
    await refused('E_KEY', words(file, '--key', key), /publisher\.key is not one of the role "acme"/)
    await refused('E_KEY', words(file, '--key', fleet.path('no.key')), /key file .*no\.key cannot be read \(ENOENT\)/)
  })

  it('a path outside the role', async () => {
    await refused('E_PATH', words(file, '--name', 'other/agent@1'), /"other\/agent" is outside .*acme\/\*/)
    await refused('E_PATH', words(file, '--name', 'acme/agent/deep'), /"acme\/agent\/deep" is outside/)
  })
})

describe('publish refuses to hand it over', () => {
  it('when no member is reachable', async () => {
    const places = ['--mesh', fleet.path('other-mesh'), '--data', fleet.path(LONELY)]
    await refused('E_NO_MEMBER', words(file, ...places), /is linked to no member, so nobody would hear of it/)
  })

  it('when no daemon runs', async () => {
    const places = (name: string) => ['--data', fleet.path(name)]
    await refused('E_NO_DAEMON', words(file, ...places(RESTING)), /no daemon answers .*: start it with "pimesh up/)
    await refused('E_NO_DAEMON', words(file, ...places('new')), /there is no such folder/)
  })

  it('to a peer of another mesh', async () => {
    await refused('E_NO_MESH', words(file, '--data', fleet.path(LONELY)), /belongs to another mesh/)
  })
})

describe('after all these refusals', () => {
  it('the next release has the next counter', async () => {
    const next = randomArtifact(2_000)
    await publish(fleet, OPERATOR, next, 'true')
    await committed(fleet, NODE, next, 30 * SECOND)
    expect((await fleet.client(NODE).publishers()).counters).toEqual({ [PATH]: 2 })
  })
})

function succeeds([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 30 * SECOND })
    return true
  } catch {
    return false
  }
}
