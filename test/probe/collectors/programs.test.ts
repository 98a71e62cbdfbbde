// Custom collectors that do what they should not, as real programs: each is cut off or refused with the reason, and nothing of them stays.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { Programs } from '../../../src/probe/collectors/programs.ts'
import { CollectorFolder, CollectorPlatform } from './bench.ts'

let folder: CollectorFolder
let open: Programs[] = []
beforeEach(() => {
  folder = new CollectorFolder()
})
afterEach(() => {
  for (const programs of open) programs.close()
  open = []
  folder.dispose()
})

const PERIOD = limits.collectorPeriod

function opened(timeLimit = 10 * SECOND) {
  const platform = new CollectorPlatform()
  const programs = new Programs({ folder: folder.path, period: PERIOD, timeLimit }, platform)
  open.push(programs)
  return { platform, programs }
}

async function gathered(timeLimit?: number) {
  const { programs } = opened(timeLimit)
  await programs.settled()
  return programs.gathered()
}

/** What is wrong with the only one. */
async function trouble(timeLimit?: number) {
  const [one, ...others] = await gathered(timeLimit)
  expect(others).toEqual([])
  expect(one?.values).toEqual([])
  return one?.trouble
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // What nobody has waited for yet is still listed, as a zombie.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('a collector that is a program', () => {
  it('gives its series, with a bare environment, low priority and no shell around it', async () => {
    const seen = join(folder.path, '.seen')
    // It is lowered once it runs, as Node cannot do so before.
    folder.script(
      'room',
      `env > ${seen}`,
      `while [ "$(nice)" != 19 ]; do :; done`,
      `nice >> ${seen}`,
      `pwd >> ${seen}`,
      'echo "room_celsius 21.5"',
    )
    process.env.PIMESH_TEST_SECRET = 'secret'
    const all = await gathered()
    delete process.env.PIMESH_TEST_SECRET
    expect(all).toEqual([
      {
        collector: 'room',
        values: [{ name: 'room_celsius', labels: [], unit: 'degC', kind: 'untyped', value: 21.5 }],
      },
    ])
    const environment = readFileSync(seen, 'utf8')
    expect(environment).not.toContain('secret')
    expect(environment).toMatch(/^19\n\/$/m)
  })

  it('that hangs is ended with all that it started, within its time', async () => {
    const pids = join(folder.path, '.pids')
    folder.script('hangs', 'sleep 1000 &', `echo $! $$ > ${pids}`, 'echo "x 1"', 'trap "" TERM', 'wait')
    expect(await trouble(3 * SECOND)).toEqual({
      code: 'hangs',
      reason: 'it had not ended after 3 s: make it faster, or raise collectors.timeout',
    })
    const started = readFileSync(pids, 'utf8').trim().split(' ').map(Number)
    expect(started).toHaveLength(2)
    await expect.poll(() => started.filter(isRunning)).toEqual([])
  })

  it('that forks and ends leaves nothing running', async () => {
    const pids = join(folder.path, '.pids')
    folder.script('forks', `for i in 1 2 3; do sleep 1000 & echo $! >> ${pids}; done`, 'echo "x 1"')
    const all = await gathered()
    expect(all).toMatchObject([{ collector: 'forks', values: [{ name: 'x', value: 1 }] }])
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    expect(started).toHaveLength(3)
    await expect.poll(() => started.filter(isRunning)).toEqual([])
  })

  it('that leaves a process in a session of its own is not waited for', async () => {
    const pid = join(folder.path, '.pid')
    folder.script('escapes', `setsid sh -c 'echo $$ > ${pid}; exec sleep 1000' &`, `until [ -s ${pid} ]; do :; done`)
    expect(await trouble()).toMatchObject({
      code: 'failed',
      reason: expect.stringContaining('leaves a process behind'),
    })
    const escaped = Number(readFileSync(pid, 'utf8'))
    expect(isRunning(escaped)).toBe(true)
    process.kill(escaped, 'SIGKILL')
  })

  it.each(['', ' >&2'])("that floods%s is cut off, and its output is in nobody's memory", async (where) => {
    folder.script('floods', `exec head -c 100000000 /dev/zero${where}`)
    const before = process.memoryUsage()
    const found = await trouble()
    const after = process.memoryUsage()
    expect(found).toMatchObject({ code: 'floods', reason: expect.stringMatching(/^it prints more than \d+ kB/) })
    const grown = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed
    expect(grown).toBeLessThan(8_000_000)
  })

  it('that prints for ever is ended', async () => {
    const pid = join(folder.path, '.pid')
    folder.script('yes', `echo $$ > ${pid}`, 'exec yes "x 1"')
    expect((await trouble())?.code).toBe('floods')
    await expect.poll(() => isRunning(Number(readFileSync(pid, 'utf8')))).toBe(false)
  })

  it('that prints a million series is cut off', async () => {
    folder.script('million', 'exec seq -f \'x{i="%.0f"} 1\' 1000000')
    expect((await trouble())?.code).toBe('floods')
    folder.script('million', 'exec seq -f \'x{i="%.0f"} 1\' 501')
    expect(await trouble()).toEqual({
      code: 'tooMany',
      reason: 'it gives more than 500 series: leave out what nobody looks at',
    })
  })

  it('that prints garbage is told where', async () => {
    folder.script('garbage', 'echo "x 1"', 'echo "<html>"')
    expect(await trouble()).toEqual({ code: 'malformed', reason: 'line 2 of what it gives is no sample: "<html>"' })
    folder.script('garbage', "printf 'x\\377 1\\n'")
    expect(await trouble()).toEqual({ code: 'malformed', reason: 'what it gives is not UTF-8 text' })
  })

  it('that fails is shown with what it said', async () => {
    folder.script('fails', 'echo "x 1"', 'printf "no sensor on bus \\033[31m1\\nmore\\n" >&2', 'exit 3')
    expect(await trouble()).toEqual({ code: 'failed', reason: 'it ended with status 3: no sensor on bus ?[31m1' })
    folder.script('fails', 'kill -SEGV $$')
    expect(await trouble()).toEqual({ code: 'failed', reason: 'it was ended by SIGSEGV' })
  })

  it.each<[string, (folder: CollectorFolder) => void, string]>([
    ['not executable', (it) => it.file('one', '#!/bin/sh\n'), 'is not executable: chmod +x '],
    [
      'no program',
      (it) => it.file('one', 'hello\n', 0o755),
      'is no program: let it begin with a line such as #!/bin/sh',
    ],
    ['without its interpreter', (it) => it.file('one', '#!/no/such\n', 0o755), 'its first line names is not there'],
    ['writable for others', (it) => it.file('one', '#!/bin/sh\n', 0o777), 'can be changed by other users: chmod go-w '],
    ['writable for its group', (it) => it.file('one', '#!/bin/sh\n', 0o775), 'can be changed by other users'],
    ['a link', (it) => symlinkSync('/bin/true', join(it.path, 'one')), 'is a link'],
    ['a folder', (it) => mkdirSync(join(it.path, 'one')), 'is no file'],
    ['oddly named', (it) => it.script('o\u202ee'), 'its name is odd'],
  ])('that is %s is refused', async (_, make, reason) => {
    make(folder)
    expect(await trouble()).toEqual({ code: 'refused', reason: expect.stringContaining(reason) })
  })

  it('that belongs to somebody else is refused', async () => {
    const ran = join(folder.path, '.ran')
    folder.script('one', `touch ${ran}`)
    const platform = new CollectorPlatform()
    platform.user = () => 4_242
    const programs = new Programs({ folder: folder.path, period: PERIOD, timeLimit: SECOND }, platform)
    open.push(programs)
    await programs.settled()
    const isRoot = process.getuid?.() === 0
    if (!isRoot) expect(programs.gathered()[0]?.trouble?.reason).toContain('belongs to user')
    expect(existsSync(ran)).toBe(isRoot)
  })

  it('is not run twice at once, and one after the other', async () => {
    const log = join(folder.path, '.log')
    for (const name of ['a', 'b'])
      folder.script(name, `echo begin ${name} >> ${log}`, 'sleep 0.05', `echo end ${name} >> ${log}`)
    const { platform, programs } = opened()
    platform.fire(PERIOD)
    await programs.settled()
    expect(readFileSync(log, 'utf8').split('\n')).toEqual(['begin a', 'end a', 'begin b', 'end b', ''])
  })

  it('that was cut off rests longer each time, until its file is another', async () => {
    const runs = join(folder.path, '.runs')
    folder.script('slow', `echo run >> ${runs}`, 'exec yes')
    const { platform, programs } = opened()
    const count = () => readFileSync(runs, 'utf8').trim().split('\n').length
    await programs.settled()
    const seen = [count()]
    for (let period = 0; period < 7; period++) {
      platform.fire(PERIOD)
      await programs.settled()
      seen.push(count())
    }
    expect(seen).toEqual([1, 2, 2, 3, 3, 3, 3, 4])
    folder.script('slow', 'echo "x 1"')
    platform.fire(PERIOD)
    await programs.settled()
    expect(programs.gathered()).toMatchObject([{ values: [{ name: 'x' }] }])
  })

  it('is forgotten when it is taken away, and ended when the daemon ends', async () => {
    folder.script('one', 'echo "x 1"')
    const { platform, programs } = opened()
    await programs.settled()
    expect(programs.gathered()).toHaveLength(1)
    folder.dispose()
    platform.fire(PERIOD)
    await programs.settled()
    expect(programs.gathered()).toMatchObject([
      { collector: folder.path, trouble: { code: 'refused', reason: expect.stringContaining('is not there') } },
    ])
  })

  it('is ended when the daemon ends', async () => {
    const pid = join(folder.path, '.pid')
    folder.script('one', `echo $$ > ${pid}`, 'exec sleep 1000')
    const { programs } = opened()
    await expect.poll(() => existsSync(pid) && readFileSync(pid, 'utf8')).toMatch(/\d+\n/)
    programs.close()
    await programs.settled()
    await expect.poll(() => isRunning(Number(readFileSync(pid, 'utf8')))).toBe(false)
  })
})
