// What the bundle loads: commands that run no daemon must not load network code.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { bundleOptions, daemonEntry } from '../../scripts/bundle-options.ts'
import { networkInputs, offlineInputs } from '../../scripts/chunk-graph.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the bundle', () => {
  it('loads libp2p through the daemon only', async () => {
    const { metafile } = await build({ ...bundleOptions(root, 'dist', { version: '0', commit: '0' }), write: false })
    const offline = offlineInputs(metafile, 'dist/pimesh.js', daemonEntry)
    expect(offline).toContain('src/cli/nodes.ts')
    expect(offline).toContain('src/publish/invite.ts')
    expect(networkInputs(metafile, 'dist/pimesh.js', daemonEntry)).toEqual([])
    expect(networkInputs(metafile, 'dist/pimesh.js', 'none')).not.toEqual([])
  })
})
