// The directory's contract on the simulator's. test/mesh/directory.test.ts runs it on real libp2p nodes.
import { SimDirectories, simulatedDirectory } from '../sim/directory.ts'
import { directoryContract } from './directory.ts'

directoryContract('the simulator', async (count) => {
  const all = new SimDirectories()
  const ids = Array.from({ length: count }, (_, node) => `node${node}`)
  return {
    ids,
    directories: ids.map((id) => simulatedDirectory(all, id)),
    addresses: ids.map((_, node) => [`/ip4/192.0.2.${node}/tcp/31415`]),
    kill: async (node) => all.stopped(ids[node] ?? ''),
    close: async () => undefined,
  }
})
