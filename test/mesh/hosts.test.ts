import { expect, test } from 'vitest'
import { hostOf } from '../../src/mesh/hosts.ts'

test.each([
  ['/ip4/10.0.0.1/tcp/4', '10.0.0.1'],
  ['/ip6/::ffff:10.0.0.1/tcp/4', '10.0.0.1'],
  ['/ip6/2001:db8:1:2:3:4:5:6/tcp/4', '2001:db8:1:2'],
  ['/ip6/2001:0db8:0001:0002::9/tcp/4', '2001:db8:1:2'],
  ['/ip6/2001:db8::9/tcp/4', '2001:db8:0:0'],
  ['/ip6/::1/tcp/4', '0:0:0:0'],
  ['/ip6/fe80::1%eth0/tcp/4', 'fe80:0:0:0'],
  ['/unix/nowhere', '/unix/nowhere'],
  ['/ip4/10.0.0.1/tcp/4/p2p/RELAY/p2p-circuit/p2p/CALLER', 'relay RELAY'],
])('%s comes from the host %s', (address, host) => expect(hostOf(address)).toBe(host))
