import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: real processes and real libp2p nodes are slow to start beside each other, never slow to answer.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most of the time goes by in waiting for real processes: one worker a core, and one that waits.
    maxWorkers: 3,
    reporters: process.env.CI ? ['default'] : ['dot'],
  },
})
