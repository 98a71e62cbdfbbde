// What is served at /metrics: the machine, this node as a member, and the fleet as it knows it.
import type { NodeCore } from '../../core/node.ts'
import type { Probe } from '../../ports/probe.ts'
import type { ReleasesJson, StatusJson } from '../api-types.ts'
import type { Sampled } from '../driver.ts'
import { expose } from './exposition.ts'
import { fleetValues } from './fleet.ts'
import { machineValues } from './machine.ts'
import { meshValues } from './mesh.ts'

export interface PageParts {
  core: Pick<NodeCore, 'fleet'>
  probe: Pick<Probe, 'detail'>
  /** The last sample; undefined before the first. */
  sample: () => Sampled | undefined
  now: () => number
  status: () => StatusJson
  /** The releases as this node alone knows them. */
  local: () => Promise<ReleasesJson>
}

/** The page, as text in the format of Prometheus. Custom collectors cannot give names of ours, so nothing is there twice. */
export async function metricsPage({ core, probe, sample, now, status, local }: PageParts): Promise<string> {
  const releases = await local()
  const shown = status()
  const { metrics, more = [] } = sample() ?? { metrics: [] }
  return expose([
    ...machineValues(metrics, more, probe.detail()),
    ...meshValues(shown, releases),
    ...fleetValues(core.fleet(now()), shown.role === 'node' ? shown.zone : undefined),
  ])
}
