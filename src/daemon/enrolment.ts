// Enrolment: what enrol keys have stated, as the local API tells it and takes it from whoever enrols on this machine; and the root and
// targets documents that say whose keys count.
import { Failure } from '../core/failure.ts'
import type { NodeCore } from '../core/node.ts'
import { parseRoot } from '../wire/root.ts'
import { parseStatement } from '../wire/statement.ts'
import { parseTargets } from '../wire/targets.ts'
import type { ApiBackend } from './api-server.ts'
import { refusalText } from './api-types.ts'
import type { Driver } from './driver.ts'

interface Parts {
  core: NodeCore
  driver: Pick<Driver, 'state' | 'root' | 'delegate'>
  mesh: string
}

const decoder = new TextDecoder()

export function enrolment({
  core,
  driver,
  mesh,
}: Parts): Pick<ApiBackend, 'enrolment' | 'state' | 'roots' | 'root' | 'delegate'> {
  const linked = () => core.snapshot().links.length
  return {
    enrolment: () => ({
      schema: 'pimesh.enrolment/1',
      mesh,
      linked: linked(),
      rootVersion: core.snapshot().root.signed.version,
      root: decoder.decode(core.snapshot().root.raw),
      statements: core.statements().map(({ raw }) => decoder.decode(raw)),
    }),
    async state({ statement }) {
      const document = parseStatement(Buffer.from(statement))
      const refused = await driver.state(document)
      const { enroller, version } = document.signed
      if (refused !== undefined)
        throw new Failure(
          'E_STATEMENT',
          `the peer refused this statement: ${refusalText(refused)}; nothing has changed`,
        )
      return { schema: 'pimesh.stated/1', enroller, version, hash: document.hash, linked: linked() }
    },
    roots: (from) => ({
      schema: 'pimesh.roots/1',
      roots: core.rootsFrom(from).map(({ raw }) => decoder.decode(raw)),
    }),
    async root({ roots }) {
      const refused = await driver.root(roots.map((root) => parseRoot(Buffer.from(root))))
      if (refused !== undefined)
        throw new Failure('E_ROOT_INVALID', `the peer refused this root: ${refusalText(refused)}; nothing has changed`)
      const { version } = core.snapshot().root.signed
      return { schema: 'pimesh.rooted/1', version, linked: linked() }
    },
    async delegate({ targets }) {
      const document = parseTargets(Buffer.from(targets))
      const refused = await driver.delegate(document)
      const { version } = document.signed
      if (refused !== undefined)
        throw new Failure(
          'E_TARGETS',
          `the peer refused version ${version} of the targets document: ${refusalText(refused)}; nothing has changed`,
        )
      return { schema: 'pimesh.delegated/1', version, linked: linked() }
    },
  }
}
