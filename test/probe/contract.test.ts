// The Probe contract on this machine, on each fixture, and on a machine that has none of the files.
import { tmpdir } from 'node:os'
import { afterAll } from 'vitest'
import { openProbe } from '../../src/probe/probe.ts'
import { probeContract } from '../contracts/probe.ts'
import { boardFolder, boards, FakePlatform, Machine } from './fake-platform.ts'

probeContract('this machine', () => openProbe({ dataFolder: tmpdir() }))

for (const board of boards) {
  probeContract(board, () => openProbe({ root: boardFolder(board), dataFolder: '/data', platform: new FakePlatform() }))
}

const empty = new Machine()
afterAll(() => empty.dispose())
probeContract('a machine without any file', () =>
  openProbe({ root: empty.root, dataFolder: '/nowhere', platform: new FakePlatform() }),
)
