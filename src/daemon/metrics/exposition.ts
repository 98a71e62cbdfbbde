// The text exposition format of Prometheus (version 0.0.4): series with a name, put together by name, each name with its HELP and TYPE.
import { type NamedValue, seriesId } from '../../core/fleet/named-values.ts'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const NO_HELP = 'Of a custom collector, which says no more.'

/** All values, in order of name; series of one name in the order given. Of two of one series the first counts. */
export function expose(values: readonly NamedValue[]): string {
  const families = new Map<string, NamedValue[]>()
  for (const value of values) {
    const family = families.get(value.name)
    if (family === undefined) families.set(value.name, [value])
    else family.push(value)
  }
  return [...families.keys()]
    .sort()
    .map((name) => familyText(families.get(name) ?? []))
    .join('')
}

function familyText(values: readonly NamedValue[]): string {
  const [first] = values
  if (first === undefined) return ''
  const lines = new Map(values.toReversed().map((value) => [seriesId(value), `${seriesId(value)} ${value.value}\n`]))
  const help = (first.help ?? NO_HELP).replace(/[\\\n]/g, (char) => (char === '\n' ? '\\n' : '\\\\'))
  return `# HELP ${first.name} ${help}\n# TYPE ${first.name} ${typeOf(first)}\n${[...lines.values()].reverse().join('')}`
}

/** As node_exporter does: a counter is called so only where its name says it, too. */
function typeOf({ name, kind }: NamedValue): string {
  return (kind === 'counter') === name.endsWith('_total') ? kind : 'untyped'
}
