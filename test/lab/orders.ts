// What a person may tell a laboratory that runs in a terminal: the faults by name, and what was counted.
import { hairpinCount, wireCounts } from './counters.ts'
import { changeWanAddress, move, plug, pull, setMulticast, setRates } from './faults.ts'
import type { Lab } from './lab.ts'

export const ORDERS = [
  'pull NAME',
  'plug NAME',
  'wan SITE',
  'move NODE SITE',
  'rate SITE UP DOWN',
  'multicast SITE on|off',
  'kill NODE',
  'start NODE',
  'restart',
  'counters',
].join(' | ')

/** Does what one line says. Rejects with one sentence when it cannot be done. */
export async function obey(lab: Lab, line: string, say: (line: string) => void): Promise<void> {
  const { network, daemons } = lab
  const [word = '', a = '', b = '', c = ''] = line.trim().split(/\s+/)
  const rate = (text: string) => (text === '' ? undefined : Number(text))
  const actions: Record<string, () => Promise<unknown>> = {
    '': async () => undefined,
    pull: () => pull(network, a),
    plug: () => plug(network, a),
    wan: async () => say(`${a} is ${await changeWanAddress(network, a)} now`),
    move: () => move(network, a, b),
    rate: () => setRates(network, a, { up: rate(b), down: rate(c) }),
    multicast: () => setMulticast(network, a, b !== 'off'),
    kill: () => daemons.kill(a),
    start: () => daemons.start(network.node(a).name),
    restart: () => daemons.restartAll(),
    counters: () => showCounters(lab, say),
  }
  const action = actions[word]
  if (action === undefined) throw new Error(`"${word}" is not known here: ${ORDERS}`)
  await action()
}

async function showCounters({ network }: Lab, say: (line: string) => void): Promise<void> {
  for (const [name, { up, down }] of await wireCounts(network))
    say(`${name.padEnd(16)} ${up.bytes} B in ${up.packets} frames from it, ${down.bytes} B in ${down.packets} to it`)
  for (const { name, routers } of network.plan.sites) {
    if (routers.length === 0) continue
    say(`${name.padEnd(16)} ${(await hairpinCount(network, name)).bytes} B between its nodes by the router`)
  }
}
