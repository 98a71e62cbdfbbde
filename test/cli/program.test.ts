// The program as a person starts it: arguments, exit status, one sentence for each mistake, nothing left behind.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { folder, pimesh, program } from './pimesh.ts'

describe('help and version', () => {
  it('is shown by every spelling, on stdout, with exit status 0', async () => {
    const spellings = [
      [],
      ['--help'],
      ['-h'],
      ['help'],
      ['help', 'nodes'],
      ['nodes', '--help'],
      ['join', '-h'],
      ['--version'],
      ['-v'],
    ]
    const ran = await Promise.all(spellings.map((words) => pimesh(words)))
    expect(ran.map(({ status, err }) => [status, err])).toEqual(spellings.map(() => [0, '']))
    expect(ran[4]?.out).toBe(ran[5]?.out)
    expect(ran[4]?.out).toMatch(/^Usage: pimesh nodes \[--zone GLOB\]/)
    expect(ran[8]?.out).toBe(ran[7]?.out)
    expect(ran[7]?.out).toMatch(/^pimesh \d+\.\d+\.\d+ \(.+, Node \d+\.\d+\.\d+\)\n$/)
  })
})

describe('mistakes', () => {
  it.each([
    [['noeds'], 2, 'there is no command "noeds"; did you mean "nodes"? "pimesh --help" lists all [E_USAGE]'],
    [['--data', '/x'], 2, 'the command comes first, as in "pimesh nodes --data"; "pimesh --help" lists them [E_USAGE]'],
    [['help', 'nods'], 2, 'there is no command "nods"; did you mean "nodes"? "pimesh --help" lists all [E_USAGE]'],
    [['nodes', '-o', 'xml'], 2, '--output takes table, wide, json, jsonl, csv, name, not "xml" [E_USAGE]'],
    [['nodes', '--timeout', 'soon'], 2, '--timeout takes a duration such as 30s, 5m, 48h or 7d, not "soon" [E_USAGE]'],
    [['nodes', '--timeout', '0s'], 2, '--timeout takes 1ms to 60s, not "0s" [E_USAGE]'],
    [['nodes', '--timeout', '61s'], 2, '--timeout takes 1ms to 60s, not "61s" [E_USAGE]'],
    [['invit'], 2, 'there is no command "invit"; did you mean "invite"? "pimesh --help" lists all [E_USAGE]'],
    [['nodes', '--watch', '0'], 2, '--watch takes at least 1 s, not "0" [E_USAGE]'],
    [['nodes', '--timeout', '5'], 2, '--timeout takes a duration, not "5": give a unit, such as 48h or 5s [E_USAGE]'],
    [
      ['invite', '--zone', '/a', '--expires', '5'],
      2,
      '--expires takes a duration, not "5": give a unit, such as 48h or 5s [E_USAGE]',
    ],
    [
      ['invite', '--first', '--zone', '/'],
      2,
      'the first node of a mesh is not an operator: name its zone, as in --zone /uk/glasgow [E_USAGE]',
    ],
    [['join'], 2, 'join needs a token (or - to read it from stdin); see "pimesh join --help" [E_USAGE]'],
    [['get', 'node'], 2, 'get needs a node, as in "pimesh get node pi-3"; see "pimesh get --help" [E_USAGE]'],
    [['get', 'zone', 'x'], 2, 'get knows nodes, not "zone": write "pimesh get node x" [E_USAGE]'],
    [['invite'], 2, 'say where the nodes are, as in "pimesh invite --zone /uk/glasgow" [E_USAGE]'],
    [
      ['invite', '--zone', '/a', '--seats', 'two'],
      2,
      '--seats takes a whole number from 1 to 1024, not "two" [E_USAGE]',
    ],
    [['invite', '--zone', '/a', '--label', 'room'], 2, '"room" is not a label: write it as room=lab3 [E_LABEL]'],
    [
      ['invite', '--zone', '/a', '--capability', 'operator'],
      2,
      `an operator's peer is in no zone: leave out --zone /a [E_ZONE]`,
    ],
    [
      ['nodes', '--data', '/nonexistent'],
      1,
      'no daemon answers for the data folder /nonexistent: there is no such folder; name the right one with --data [E_NO_DAEMON]',
    ],
    [
      ['status', '--data', '/nonexistent'],
      2,
      'no daemon answers for the data folder /nonexistent: there is no such folder; name the right one with --data [E_NO_DAEMON]',
    ],
  ])('pimesh %j: exit status %i and one sentence', async (words, status, sentence) => {
    expect(await pimesh(words)).toEqual({ status, out: '', err: `pimesh: ${sentence}\n` })
  })

  it('an empty token is refused before anything is made', async () => {
    const data = `${await folder()}/data`
    const ran = await pimesh(['join', '-', '--data', data], { input: '\n' })
    expect(ran).toEqual({ status: 2, out: '', err: expect.stringMatching(/token is empty.*\[E_USAGE\]\n$/) })
    expect(existsSync(data)).toBe(false)
  })

  it('the data folder is the one of the environment when no option names one', async () => {
    const ran = await pimesh(['nodes'], { env: { PIMESH_DATA: '/nonexistent/here' } })
    expect(ran.err).toContain('the data folder /nonexistent/here')
  })
})

describe('a mesh, offline', () => {
  it('init makes it, once; invite prints the token and nothing else on stdout', async () => {
    const mesh = `${await folder()}/mesh`
    const made = await pimesh(['init', '--mesh', mesh])
    expect(made).toMatchObject({ status: 0, err: '' })
    expect(made.out).toMatch(/^mesh [0-9a-f]{64}\n/)
    expect(await pimesh(['init', '--mesh', mesh])).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('[E_MESH_EXISTS]'),
    })

    const first = await pimesh(['invite', '--first', '--zone', '/uk/glasgow', '--mesh', mesh])
    expect(first.out).toMatch(/^\S+\n$/)
    expect(first.err).toMatch(/^for one to join \/uk\/glasgow until .*Z: pimesh join TOKEN\n$/)
    expect(first.status).toBe(0)
  })

  it('invite needs an address, and says how to give one', async () => {
    const base = await folder()
    await pimesh(['init', '--mesh', `${base}/mesh`])
    const ran = await pimesh(['invite', '--zone', '/a', '--mesh', `${base}/mesh`, '--data', `${base}/data`])
    expect(ran).toMatchObject({ status: 2, out: '' })
    expect(ran.err).toMatch(
      /needs the address of a member, and no daemon answers in .*--via ADDR.*--first.*\[E_NO_ADDRESS\]\n$/,
    )
  })

  it('an operator is invited to the zone /', async () => {
    const mesh = `${await folder()}/mesh`
    await pimesh(['init', '--mesh', mesh])
    const via = '/ip4/10.0.0.1/tcp/31415/p2p/12D3KooWHGgdSPZDQohsZHLLVtxu87ioSi1pgjdHTUTRFAcYacMm'
    const ran = await pimesh(['invite', '--capability', 'operator', '--via', via, '--mesh', mesh, '-o', 'json'])
    expect(JSON.parse(ran.out)).toMatchObject({ schema: 'pimesh.invite/1', zone: '/', seats: 1, via: [via] })
    expect(ran.err).toMatch(/^for one operator until .*Z: pimesh attach TOKEN\n$/)
  })

  it('join, leave: what happened once is said, not done again', async () => {
    const base = await folder()
    const [mesh, data] = [`${base}/mesh`, `${base}/data`]
    await pimesh(['init', '--mesh', mesh])
    const { out: token } = await pimesh(['invite', '--first', '--zone', '/a', '--mesh', mesh])
    const joined = await pimesh(['join', '-', '--name', 'one', '--data', data, '-o', 'json'], { input: token })
    expect(JSON.parse(joined.out)).toMatchObject({ schema: 'pimesh.join/1', name: 'one', zone: '/a', seat: 0 })
    expect(joined.err).toContain('first node of the mesh: no member was met; use this token on one machine only\n')
    expect(await pimesh(['join', token.trim(), '--data', data])).toMatchObject({
      status: 1,
      err: expect.stringContaining('[E_JOINED]'),
    })

    const asked = await pimesh(['leave', '--data', data])
    expect(asked).toMatchObject({ status: 2, out: '', err: expect.stringContaining('Nothing was done: add --yes') })
    expect(await pimesh(['leave', '--yes', '--data', data])).toMatchObject({
      status: 0,
      err: expect.stringMatching(/^releases that .* stay where they are\n$/),
    })
    expect(await pimesh(['leave', '--yes', '--data', data])).toMatchObject({
      status: 1,
      err: expect.stringContaining('[E_NOT_JOINED]'),
    })
    expect(await pimesh(['leave', '--data', data])).toMatchObject({
      status: 1,
      err: expect.stringContaining('[E_NOT_JOINED]'),
    })
    expect(await readdir(data)).toEqual([])
  })
})

describe('the Node that runs it', () => {
  const system = '/usr/bin/node'
  const version = existsSync(system)
    ? execFileSync(system, ['--version'], { encoding: 'utf8' }).trim().slice(1)
    : undefined
  const [major = 0, minor = 0] = version?.split('.').map(Number) ?? []
  const old = version !== undefined && (major < 22 || (major === 22 && minor < 19))

  it.skipIf(!old)(
    `is refused in one sentence when it is too old (here ${version ?? 'none'}; skipped when that is new enough)`,
    async () => {
      const data = `${await folder()}/data`
      for (const words of [['--version'], ['nodes'], ['up', '--data', data], ['nonsense']]) {
        const ran = await pimesh(words, { node: system })
        expect(ran).toMatchObject({ status: 2, out: '' })
        expect(ran.err).toMatch(
          /^pimesh: needs Node 22\.19 or newer, this is \d+\.\d+\.\d+ \(.*node\): run it as .*\[E_NODE_OLD\]\n$/,
        )
      }
      expect(existsSync(data)).toBe(false)
    },
  )

  it('is found and given its flags by the first line of the program', () => {
    const out = execFileSync(program, ['--version'], { encoding: 'utf8' })
    expect(out).toContain(`Node ${process.versions.node}`)
  })
})

describe('without its bundle', () => {
  it('says how to make it', async () => {
    const copy = await folder()
    await mkdir(`${copy}/bin`)
    await writeFile(`${copy}/package.json`, '{"type":"module"}')
    await copyFile(program, `${copy}/bin/pimesh.js`)
    const { stderr, status } = spawnSync(process.execPath, [`${copy}/bin/pimesh.js`], { encoding: 'utf8' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^pimesh: is not built yet: run "npm ci && npm run build" in .* \[E_STATE\]\n$/)
  })
})
