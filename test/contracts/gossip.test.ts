// The gossip contract on the simulator's gossip, for several seeds. test/mesh/gossip.test.ts runs it on real gossipsub nodes.
import { gossipContract } from './gossip.ts'
import { simulatedNetwork } from './simulated-gossip.ts'

for (const seed of [1, 2, 3, 4, 5]) {
  gossipContract(`the simulator, seed ${seed}`, (count, links) => simulatedNetwork(count, links, seed))
}
