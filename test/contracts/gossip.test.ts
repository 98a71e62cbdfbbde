// The gossip contract on the model, for several seeds.
import { gossipContract } from './gossip.ts'
import { modelNetwork } from './model-gossip.ts'

for (const seed of [1, 2, 3, 4, 5]) {
  gossipContract(`the model, seed ${seed}`, (count, links) => modelNetwork(count, links, seed))
}
