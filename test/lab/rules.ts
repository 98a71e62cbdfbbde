// What routers and switches do with packets, as nftables rules (which wants one statement a line). Pure text.
import type { Kind } from './description.ts'

/** Counts what one node of a LAN sends another through the router: to the site's own public address, or around the switch. */
export const HAIRPIN = 'hairpin'

/** The rules of one router. The carrier of a double NAT is a plain one. */
export function routerRules(kind: Kind): string[] {
  return [
    'flush ruleset',
    'table inet lab {',
    `counter ${HAIRPIN} {`,
    '}',
    'chain input {',
    'type filter hook input priority 0',
    `iifname "lan" meta l4proto { tcp, udp } counter name "${HAIRPIN}"`,
    'iifname "wan" ct state established,related accept',
    'iifname "wan" meta l4proto ipv6-icmp accept',
    ...(kind === 'rst' ? ['iifname "wan" meta l4proto tcp reject with tcp reset'] : []),
    'iifname "wan" drop',
    '}',
    'chain forward {',
    'type filter hook forward priority 0',
    'policy drop',
    `iifname "lan" oifname "lan" counter name "${HAIRPIN}" accept`,
    ...goingOut(kind),
    '}',
    'chain postrouting {',
    'type nat hook postrouting priority 100',
    ...(kind === 'ipv6' || kind === 'routed'
      ? []
      : [`oifname "wan" masquerade${kind === 'random' ? ' fully-random' : ''}`]),
    '}',
    '}',
  ]
}

function goingOut(kind: Kind): string[] {
  if (kind === 'dark') return []
  if (kind === 'routed') return ['accept']
  const what = kind === 'tcp443' ? 'tcp dport 443 ' : ''
  return ['ct state established,related accept', `iifname "lan" oifname "wan" ${what}accept`]
}

/** The rules of all switches together: nothing that comes in at one of these ports by multicast DNS goes on. */
export function switchRules(quietPorts: readonly string[]): string[] {
  const ports = quietPorts.map((port) => `"${port}"`).join(', ')
  const drop = (group: string) => `iifname { ${ports} } ${group} drop`
  return [
    'flush ruleset',
    'table bridge lab {',
    'chain forward {',
    'type filter hook forward priority 0',
    ...(ports === '' ? [] : [drop('ip daddr 224.0.0.251'), drop('ip6 daddr ff02::fb')]),
    '}',
    '}',
  ]
}
