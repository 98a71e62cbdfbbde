// Two nodes in a network namespace of their own in which no RST leaves: as behind NATs that are silent, a SYN to nobody is left
// unanswered until the peer's own SYN crosses it. Prints what each end has in the end.
import { execFileSync } from 'node:child_process'
import { never, startNode, stopNodes } from './nodes.ts'

execFileSync('ip', ['link', 'set', 'lo', 'up'])
const rules = [
  'table inet lab {',
  'chain out {',
  'type filter hook output priority 0;',
  'tcp flags & rst == rst drop',
  '}',
  '}',
]
execFileSync('nft', ['-f', '-'], { input: `${rules.join('\n')}\n` })

const near = () => false
const [witness, a, b] = [await startNode({ near }), await startNode({ near }), await startNode({ near })]
await a.dial(witness)
await b.dial(witness)
witness.mesh.links.offerRelay(true)
await a.dial({ id: b.id, addresses: await b.mesh.links.reserve(witness.id, { signal: never() }) })
await Promise.all([a.diary.until('discovered', witness.id), b.diary.until('discovered', witness.id)])
await b.diary.until('connected', a.id)
await a.mesh.links.punch(b.id, { signal: never() })
await Promise.all([a.diary.until('moved', b.id), b.diary.until('moved', a.id)])
const ends = [
  [a, b.id],
  [b, a.id],
] as const
const report = ends.map(([node, peer]) => ({
  moved: node.diary.of('moved').map(({ address }) => address),
  connections: node.libp2p.getConnections().filter(({ remotePeer }) => remotePeer.toString() === peer).length,
}))
process.stdout.write(JSON.stringify(report))
await stopNodes()
