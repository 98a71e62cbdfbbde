// The import table of docs/architecture.md, enforced. Anything not allowed here is refused.
const anyone =
  '^src/core/(limits|failure|nearest|fleet/(named-values|local-metrics)|links/(openness|paths)|swarm/pieces)[.]ts$' // values that every folder may use
const never = (name, from, to, extra = {}) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to, pathNot: anyone, ...extra },
})
const adapters = ['mesh', 'store', 'artifact', 'probe', 'install', 'keys']

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'core-is-pure', severity: 'error', from: { path: '^src/core/' }, to: { pathNot: '^src/core/' } },
    never('wire-and-ports', '^src/(wire|ports)/', '^src/(?!core/|wire/|ports/)'),
    never('wire-takes-core-types-only', '^src/ports/', '^src/core/', { dependencyTypesNot: ['type-only'] }),
    ...adapters.map((a) => never(`${a}-is-an-adapter`, `^src/${a}/`, `^src/(?!core/|wire/|ports/|${a}/)`)),
    never('adapters-take-core-types-only', `^src/(${adapters.join('|')})/`, '^src/core/', {
      dependencyTypesNot: ['type-only'],
    }),
    never('publish-signs-offline', '^src/publish/', '^src/(?!wire/|keys/|artifact/|core/|publish/|ports/)'),
    never(
      'publish-loads-no-network',
      '^src/(publish|keys|wire)/',
      'node_modules/(libp2p|@libp2p/(?!crypto|peer-id)|@chainsafe)',
      {},
    ),
    never('daemon-knows-no-screen', '^src/daemon/', '^src/(cli|web)/'),
    never(
      'cli-talks-to-the-api',
      '^src/cli/',
      '^src/(?!cli/|publish/|daemon/api-(client|((reach|budget|fleet|history)-)?types)[.]ts|ports/)',
    ),
    never('sim-runs-the-real-core', '^test/sim/', '^src/(?!core/|wire/|ports/)'),
    never('product-never-imports-tests', '^src/', '^test/'),
  ],
  options: {
    // What WebTorrent's peer imports is installed when the benchmark runs.
    exclude: { path: '^test/bench/webtorrent/' },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
