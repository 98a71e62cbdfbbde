// How src/main.ts is bundled. Measured with one idle daemon (RSS, Node 24): not minified 92 MB, without white space 90 MB,
// with short names 89.5 MB; the last is not worth unreadable stack traces.
import type { BuildOptions, Plugin } from 'esbuild'

/** CommonJS dependencies call `require`, which an ES module does not have. */
const banner = `import { createRequire as pimeshRequire } from 'node:module'; const require = pimeshRequire(import.meta.url);`

/** Source file through which, and only through which, network code may be loaded. */
export const daemonEntry = 'src/daemon/commands.ts'

/** kad-dht refreshes its table by 65,536 prefixes, 370 kB of code and half a megabyte of memory; ours is never refreshed (decision 0016). */
const noPrefixes: Plugin = {
  name: 'no-prefixes',
  setup: ({ onLoad }) => {
    const filter = /kad-dht\/dist\/src\/routing-table\/generated-prefix-list\.js$/
    onLoad({ filter }, () => ({ contents: 'export default []', loader: 'js' }))
  },
}

/** Options for esbuild; `root` is the project, `outdir` relative to it. */
export function bundleOptions(root: string, outdir: string, build: { version: string; commit: string }) {
  return {
    absWorkingDir: root,
    entryPoints: { pimesh: 'src/main.ts' },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    external: ['level', 'classic-level'],
    banner: { js: banner },
    define: { PIMESH_BUILD: JSON.stringify(build) },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'external',
    chunkNames: 'chunks/[name]-[hash]',
    plugins: [noPrefixes],
    metafile: true,
    logLevel: 'warning',
  } as const satisfies BuildOptions
}
