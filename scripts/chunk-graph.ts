// Which source files a command loads that runs no daemon: follows a bundle's chunks from its entry.
import type { Metafile } from 'esbuild'

const NETWORK = /(^|\/)node_modules\/(libp2p|@libp2p\/(?!crypto\/|peer-id\/|interface\/)|@chainsafe\/libp2p-)/

/** Files that are reached from `entry` without loading the chunk of `daemon`, the one gate to network code. */
export function offlineInputs(metafile: Metafile, entry: string, daemon: string): string[] {
  const reached = new Set<string>()
  const open = [entry]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const output = metafile.outputs[path]
    if (output === undefined || reached.has(path) || output.entryPoint === daemon) continue
    reached.add(path)
    open.push(...output.imports.filter((link) => link.external !== true).map((link) => link.path))
  }
  return [...reached].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {})).sort()
}

/** Those of them that belong to libp2p's network stack. */
export function networkInputs(metafile: Metafile, entry: string, daemon: string): string[] {
  return offlineInputs(metafile, entry, daemon).filter((path) => NETWORK.test(path))
}

/** Node's own network modules, the one that loads some of them for its pipes, and the file of ours that gets one by name. */
const SOCKETS = /^(node:)?(net|tls|dns|dgram|http|https|http2|quic|child_process)(\/|$)/
const HTTP = 'src/daemon/http.ts'

/** Node's network modules that are loaded with `entry`, without any command having asked for more. */
export function socketModules(metafile: Metafile, entry: string): string[] {
  const reached = new Set<string>()
  const found = new Set<string>()
  const open = [entry]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    if (Object.hasOwn(metafile.outputs[path]?.inputs ?? {}, HTTP)) found.add(HTTP)
    for (const link of metafile.outputs[path]?.imports ?? []) {
      if (link.kind !== 'import-statement' && link.kind !== 'require-call') continue
      if (link.external === true) {
        if (SOCKETS.test(link.path)) found.add(link.path)
      } else open.push(link.path)
    }
  }
  return [...found].sort()
}
