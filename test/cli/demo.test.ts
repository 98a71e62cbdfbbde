// The demo: that it misses what is missing, and that nothing survives it. The whole story is told in test/e2e.
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Display } from '../../src/cli/demo/display.ts'
import { Fleet } from '../../src/cli/demo/fleet.ts'
import { lackingNode, missingRows } from '../../src/cli/demo/story.ts'
import { Terminal } from '../../src/cli/frame/terminal.ts'
import { nodeJson, nodesJson } from './answers.ts'
import { folder, pimesh, start } from './pimesh.ts'

const six = ['north-1', 'north-2', 'north-3', 'south-1', 'south-2', 'south-3'].map((name) =>
  nodeJson({ name, zone: `/demo/${name.slice(0, 5)}` }),
)

describe('what the demo waits for', () => {
  it('is six nodes up, with metrics, in two zones', () => {
    expect(missingRows(nodesJson(six))).toBeUndefined()
    expect(missingRows(nodesJson(six.slice(1)))).toContain('north-1')
    expect(missingRows(nodesJson(six.with(4, { ...six[4]!, status: 'late' })))).toContain('south-2')
    const dumb = { ...six[5]!, metrics: { node_load1: null } }
    expect(lackingNode(nodesJson(six.with(5, dumb)))).toBe('south-3')
    const completeness = { zonesAnswered: 1, zonesKnown: 2, oldestMs: 1, complete: false }
    expect(missingRows(nodesJson(six, { completeness }))).toBe('only 1 of 2 zones answered the operator')
  })
})

describe('its processes', () => {
  /** A fleet whose program is a script of the test. */
  async function fleetOf(script: string) {
    const path = await folder()
    await writeFile(`${path}/program.cjs`, script)
    let said = ''
    const sink = { write: (text: string) => (said += text) }
    const display = new Display(new Terminal(sink, sink, { colour: false }))
    const stop = new AbortController()
    const program = [process.execPath, `${path}/program.cjs`]
    const fleet = new Fleet({ folder: path, program, env: process.env, display, signal: stop.signal })
    onTestFinished(() => fleet.killAll())
    return { fleet, stop, said: () => said }
  }

  it('that end by themselves are noticed, with the end of their log', async () => {
    const { fleet } = await fleetOf(`console.error('boom'); process.exit(3)`)
    fleet.start('north-1')
    await expect(fleet.until(30_000, async () => 'nothing is there yet')).rejects.toMatchObject({
      code: 'E_DEMO',
      message: 'the daemon north-1 ended by itself (exit status 3)',
    })
    expect(fleet.suspect).toBe('north-1')
    expect(fleet.logTail('north-1')).toEqual(['boom'])
  })

  it('that are late are named with the time that they had', async () => {
    const { fleet } = await fleetOf('')
    await expect(fleet.until(0, async () => 'north-1 does not answer')).rejects.toMatchObject({
      message: 'after 0 s north-1 does not answer',
    })
  })

  it('that fail as commands pass on their sentence', async () => {
    const { fleet } = await fleetOf(`console.error('pimesh: no [E_STATE]'); process.exit(1)`)
    await expect(fleet.command(['init'])).rejects.toMatchObject({ message: '"pimesh init" failed: no [E_STATE]' })
  })

  it('all end on request', async () => {
    const { fleet, stop } = await fleetOf(`setInterval(() => undefined, 1000)`)
    fleet.start('north-1')
    fleet.start('north-2')
    const command = fleet.command(['init'])
    stop.abort()
    const refused = expect(command).rejects.toMatchObject({ message: 'interrupted' })
    await fleet.stopAll()
    await refused
    expect(() => fleet.start('north-3')).toThrow('interrupted')
  })
})

describe('pimesh demo', () => {
  it('stops its processes and removes its folder when it is told to end', async () => {
    const tmp = await folder()
    const child = start(['demo'], { env: { TMPDIR: tmp } })
    onTestFinished(() => void child.kill('SIGKILL'))
    let pid = 0
    for await (const line of createInterface({ input: child.stdout as Readable })) {
      pid = Number(/started north-1: pimesh up, pid (\d+)/.exec(line)?.[1] ?? 0)
      if (pid > 0) break
    }
    expect(readdirSync(tmp)).toHaveLength(1)
    child.stdout?.resume()
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([130, null])
    expect(readdirSync(tmp)).toEqual([])
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('does not touch a folder that exists', async () => {
    const kept = await folder()
    expect(await pimesh(['demo', '--keep', kept])).toMatchObject({
      status: 1,
      err: expect.stringContaining('[E_DEMO]'),
    })
    expect(readdirSync(kept)).toEqual([])
  })
})
