import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** These take longest, so that they begin first: a minute of them at the end would be a minute on one core. */
const LONGEST = [
  'test/sim/releases.test.ts',
  'test/mesh/gossip.test.ts',
  'test/sim/sim.test.ts',
  'test/threats/t38-resurrection.test.ts',
  'test/e2e/delivery.test.ts',
  'test/cli/daemon.test.ts',
  'test/threats/t15-sybil-votes.test.ts',
  'test/sim/freeze.test.ts',
  'test/core/trust/beacons.test.ts',
  'test/install/file.test.ts',
  'test/cli/keys.test.ts',
  'test/cli/publish.test.ts',
  'test/threats/t39-cloned-card.test.ts',
  'test/mesh/relays.test.ts',
  'test/mesh/t35-outsider.test.ts',
  'test/sim/options.test.ts',
  'test/e2e/full-life.test.ts',
  'test/e2e/resume.test.ts',
  'test/e2e/disk-troubles.test.ts',
  'test/e2e/journal.test.ts',
  'test/e2e/survival.test.ts',
  'test/lab/lab.test.ts',
  'test/e2e/refusals.test.ts',
  'test/e2e/leaving.test.ts',
  'test/e2e/health.test.ts',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(name))
      return at < 0 ? LONGEST.length : at
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

/**
 * They do one thing again and again: a kill at twenty moments, at every step of a journal, a full disk at each write, thousands of
 * documents that are nearly right, a thousand streams; or they do with real daemons what faster tests do within one process: a mesh that
 * changes all its keys (threats, cli/trust-*, publish), is asked for its health (core/fleet, daemon, cli/screens), is left and loses its members
 * (sim), is given wrong words, files and settings (cli, daemon), and publishes with several signatures or by mistake (cli/sign, cli/publish,
 * publish/release); or they run fleets of hundreds of nodes (sim, core/fleet/siblings); or they wait for what a node does only after a while (threats/t16); or they need a laboratory of network namespaces, and root. `npm run campaigns` runs them, on every change in .ci/run;
 * `npm test` is what one waits for.
 */
const CAMPAIGNS = [
  'test/artifact/killed.test.ts',
  'test/bench/model.test.ts',
  'test/bench/swarm.test.ts',
  'test/differential/differential.test.ts',
  'test/e2e/disk-troubles.test.ts',
  'test/e2e/full-life.test.ts',
  'test/e2e/health.test.ts',
  'test/e2e/journal.test.ts',
  'test/e2e/leaving.test.ts',
  'test/e2e/publish-refusals.test.ts',
  'test/e2e/refusals.test.ts',
  'test/e2e/resume.test.ts',
  'test/e2e/signing.test.ts',
  'test/e2e/survival.test.ts',
  'test/fuzz/trust.test.ts',
  'test/fuzz/wire.test.ts',
  'test/install/killed.test.ts',
  'test/lab/lab.test.ts',
  'test/lab/moved.test.ts',
  'test/lab/network.test.ts',
  'test/lab/owner.test.ts',
  'test/sim/scale/scale.test.ts',
  'test/threats/t16-only-directory.test.ts',
  'test/threats/t26-half-open.test.ts',
  'test/threats/t26-unread-answers.test.ts',
  'test/threats/t30-patch.test.ts',
  'test/threats/t30-transfer.test.ts',
  'test/threats/t31-flipped-piece.test.ts',
  'test/threats/t31-full-disk.test.ts',
  'test/threats/t32-wear.test.ts',
]

/** They replace modules of Node, so that they need a process of their own. */
const ALONE = ['test/daemon/folder-sync.test.ts']

export default defineConfig({
  test: {
    // Two cores: real processes and real libp2p nodes are slow to start beside each other, never slow to answer.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Much of the time goes by in waiting for real processes and timers: two workers for each of two cores.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    reporters: process.env.CI ? ['default'] : ['dot'],
    projects: [
      // A worker loads the modules once for all its files: no test may leave anything behind in one.
      {
        extends: true,
        test: { name: 'all', include: ['test/**/*.test.ts'], exclude: [...ALONE, ...CAMPAIGNS], isolate: false },
      },
      { extends: true, test: { name: 'campaigns', include: CAMPAIGNS, isolate: false } },
      { extends: true, test: { name: 'alone', include: ALONE, isolate: true } },
    ],
  },
})
