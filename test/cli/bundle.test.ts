// What the bundle loads: commands that run no daemon must not load network code.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { bundleOptions, daemonEntry } from '../../scripts/bundle-options.ts'
import { networkInputs, offlineInputs, socketModules } from '../../scripts/chunk-graph.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const bundled = build({ ...bundleOptions(root, 'dist', { version: '0', commit: '0' }), write: false })

describe('the bundle', () => {
  it('loads libp2p through the daemon only', async () => {
    const { metafile } = await bundled
    const offline = offlineInputs(metafile, 'dist/pimesh.js', daemonEntry)
    expect(offline).toContain('src/cli/nodes.ts')
    expect(offline).toContain('src/publish/invite.ts')
    expect(networkInputs(metafile, 'dist/pimesh.js', daemonEntry)).toEqual([])
    expect(networkInputs(metafile, 'dist/pimesh.js', 'none')).not.toEqual([])
  })
  it('starts, signs, checks documents and shows a folder without any network code of Node', async () => {
    const { metafile } = await bundled
    const chunkOf = (source: string) =>
      Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === source)?.[0] ?? source
    // What src/cli/sign.ts loads when it runs.
    const parts = ['request-folder', 'signing-request', 'describe-request', 'mesh']
    // And src/cli/trust/check.ts and show.ts.
    const read = ['document-file', 'judge-document', 'ground', 'trust-view', 'trust-documents']
    const chunks = [...parts, ...read].map((name) => chunkOf(`src/publish/${name}.ts`))
    expect(Object.keys(metafile.outputs)).toEqual(expect.arrayContaining(chunks))
    for (const chunk of ['dist/pimesh.js', ...chunks]) expect(socketModules(metafile, chunk), chunk).toEqual([])
    expect(socketModules(metafile, chunkOf(daemonEntry))).toContain('node:net')
  })
})
