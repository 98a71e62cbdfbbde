// Preloaded into a process of these tests: writes down every module that it loads, by whatever name and from wherever.
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const asked = new Set()
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    asked.add(resolved.url)
    return resolved
  },
})
// The pipes that a process speaks through are sockets for Node: what it loads for them is not the program's doing.
for (const end of ['stdin', 'stdout', 'stderr']) process[end].on('error', () => undefined)
const before = new Set(process.moduleLoadList)
process.on('exit', () => {
  const own = process.moduleLoadList.filter((name) => !before.has(name))
  writeFileSync(process.env.PIMESH_TEST_MODULES, JSON.stringify([...asked, ...own]))
})
