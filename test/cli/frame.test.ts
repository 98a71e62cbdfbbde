import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { commandHelp, programHelp } from '../../src/cli/frame/help.ts'
import { allOptions, parseCommand } from '../../src/cli/frame/parse.ts'
import { Screen } from '../../src/cli/frame/screen.ts'
import { failureLine, Terminal } from '../../src/cli/frame/terminal.ts'
import { nodes } from '../../src/cli/nodes.ts'
import { Failure } from '../../src/core/failure.ts'
import { editDistance, nearest } from '../../src/core/nearest.ts'

describe('the nearest known word', () => {
  it.each([
    ['noeds', 'nodes'],
    ['node', 'nodes'],
    ['stat', 'status'],
    ['invit', 'invite'],
    ['inti', 'init'],
    ['atach', 'attach'],
    ['xyzzy', undefined],
  ])('%s means %s', (word, known) => {
    expect(
      nearest(
        word,
        commands.map((command) => command.name),
      ),
    ).toBe(known)
  })

  it('is at a distance that behaves like one', () => {
    const word = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b) === 0).toBe(a === b)
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      }),
    )
  })
})

describe('options', () => {
  it('may stand without their value where the help says so', () => {
    expect(parseCommand(nodes, ['--watch']).text('watch')).toBe('2')
    expect(parseCommand(nodes, ['--watch', '5', '-o', 'json']).text('watch')).toBe('5')
    expect(parseCommand(nodes, ['--watch=500ms']).text('watch')).toBe('500ms')
    expect(parseCommand(nodes, ['--watch', '--zone', '/a', '--zone', '/b']).texts('zone')).toEqual(['/a', '/b'])
  })

  it.each([
    [['--zoen', '/a'], 'there is no option --zoen; did you mean --zone? see "pimesh nodes --help"'],
    [['-x'], 'there is no option -x; see "pimesh nodes --help"'],
    [
      ['--zone'],
      '--zone needs a value (GLOB); one that begins with "-" is written --zone=VALUE; see "pimesh nodes --help"',
    ],
    [['--zone='], '--zone has an empty value; see "pimesh nodes --help"'],
    [['--no-color=x'], '--no-color takes no value; see "pimesh nodes --help"'],
    [['/a'], '"/a" is one argument too many; see "pimesh nodes --help"'],
  ])('%j: %s', (words, sentence) => {
    expect(() => parseCommand(nodes, words)).toThrow(new Failure('E_USAGE', sentence))
  })
})

describe('help', () => {
  it('lists every command, and every option of each, in at most 100 columns', () => {
    const whole = programHelp(commands, '1.2.3')
    for (const { name } of commands) expect(whole).toContain(`  ${name} `)
    for (const command of commands.flatMap((one) => [one, ...(one.subcommands ?? [])])) {
      const help = commandHelp(command)
      for (const [name, spec] of Object.entries(allOptions(command)))
        if (!spec.hidden) expect(help).toContain(`--${name}`)
      expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
      expect(command.examples.length).toBeGreaterThan(0)
    }
  })
})

describe('failures', () => {
  it('are one line with a code, in the style of the rest', () => {
    expect(failureLine(new Failure('E_STATE', 'Cannot read it.'))).toBe('pimesh: cannot read it [E_STATE]')
    expect(failureLine(new Failure('E_STATE', 'TOML is broken\nhere'))).toBe(
      'pimesh: TOML is broken\ufffdhere [E_STATE]',
    )
    expect(failureLine(new Failure('E_CONFIG', 'it must look like 12D3KooW...'))).toBe(
      'pimesh: it must look like 12D3KooW... [E_CONFIG]',
    )
    expect(failureLine(new Error('boom'))).toBe(
      'pimesh: something unexpected happened (boom): this is a bug, please report it (PIMESH_DEBUG=1 shows where) [E_INTERNAL]',
    )
  })
})

describe('the screen', () => {
  function screen(columns: number, rows: number) {
    let written = ''
    const sink = { write: (text: string) => (written += text), isTTY: true, columns, rows }
    return { screen: new Screen(new Terminal(sink, sink, { colour: true })), written: () => written }
  }

  it('replaces its block, and keeps lines above it', () => {
    const { screen: drawn, written } = screen(20, 10)
    drawn.draw(['one', 'two'])
    drawn.line('stays')
    drawn.draw(['three'])
    drawn.end()
    expect(written()).toBe('\u001b[?25lone\ntwo\n\u001b[2A\r\u001b[Jstays\n\u001b[?25lthree\n\r\u001b[J\u001b[?25h')
  })

  it('cuts what does not fit, but never the footer', () => {
    const { screen: drawn, written } = screen(6, 6)
    expect(drawn.fits(['1', '2', '3'], ['foot'])).toBe(true)
    expect(drawn.fits(['1', '2', '3', '4'], ['foot'])).toBe(false)
    drawn.draw(['1234567', '2', '3', '4', '5'], ['foot'])
    expect(written()).toBe('\u001b[?25l123456\n2\n... 3 \nfoot\n')
  })

  it('is drawn as on a usual terminal where a serial console does not know its size', () => {
    const { screen: drawn, written } = screen(0, 0)
    drawn.draw(['one', 'two'], ['foot'])
    expect(written()).toBe('\u001b[?25lone\ntwo\nfoot\n')
  })
})
