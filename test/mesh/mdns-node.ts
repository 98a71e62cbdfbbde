// A process with one mesh node that knows nobody: it dials whom mDNS names, as core would, and prints what it links with.
// It ends when its input does.
import { startNode, stopNodes } from './nodes.ts'

const node = await startNode({ listen: ['/ip4/0.0.0.0/tcp/0'], mdns: true })
console.log(JSON.stringify({ type: 'started', id: node.id, addresses: node.addresses }))
let told = 0

async function follow(): Promise<void> {
  for (;;) {
    await node.diary.next()
    for (const happening of node.diary.happened.slice(told)) {
      console.log(JSON.stringify(happening))
      if (happening.type === 'discovered' && happening.source === 'mdns') {
        node.dial({ id: happening.peer, addresses: happening.addresses }).catch((error) => console.error(error))
      }
    }
    told = node.diary.happened.length
  }
}

void follow()
process.stdin.resume().on('end', async () => {
  await stopNodes()
  console.log(JSON.stringify({ type: 'stopped' }))
})
