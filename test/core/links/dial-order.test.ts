import { describe, expect, it } from 'vitest'
import { DialOrder } from '../../../src/core/links/dial-order.ts'
import { hostOf, portOf, relayOf } from '../../../src/core/links/paths.ts'

const [A, B] = [
  '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2',
  '12D3KooWGPp87VKUP9TyfCAQa2gQq6BJMLaeVd6WA2CB3ddkXuJ5',
]
const usual = '/ip4/5.5.5.5/tcp/31415'
const web = '/ip4/5.5.5.5/tcp/443'
const via = (relay: string) => `${usual}/p2p/${relay}/p2p-circuit`

describe('the addresses of a contact are dialled', () => {
  it('as it says, with relayed ones last', () => {
    const order = new DialOrder(() => false)
    expect(order.of({ addresses: [via(A), usual, web], worked: undefined })).toEqual([usual, web, via(A)])
  })

  it('with the one that worked first', () => {
    const order = new DialOrder(() => false)
    expect(order.of({ addresses: [usual, web], worked: web })).toEqual([web, usual])
  })

  it('by the port on which another one answered: a site may let out no other', () => {
    const order = new DialOrder(() => false)
    order.worked('/ip4/6.6.6.6/tcp/443')
    expect(order.of({ addresses: [usual, web], worked: undefined })).toEqual([web, usual])
    order.worked(via(A))
    expect(order.of({ addresses: [usual, web], worked: undefined })).toEqual([web, usual])
  })

  it('through a relay that is linked before one that may be gone', () => {
    const order = new DialOrder((relay) => relay === B)
    expect(order.of({ addresses: [via(A), via(B)], worked: via(A) })).toEqual([via(B), via(A)])
  })

  it('through a relay at each address of it that is known, by ports that others answered on first', () => {
    const sixth = '/ip6/2001:db8::5/tcp/31415'
    const order = new DialOrder(
      (relay) => relay === B,
      (relay) => (relay === A ? [sixth, web, via(B)] : [web]),
    )
    order.worked('/ip4/6.6.6.6/tcp/443')
    const through = (address: string) => `${address}/p2p/${A}/p2p-circuit`
    expect(order.of({ addresses: [via(A), via(B)], worked: undefined })).toEqual([
      via(B),
      through(web),
      via(A),
      through(sixth),
    ])
  })

  it('and other ways to its relays and ours are tried even if it names as many addresses as a contact has', () => {
    const addresses = [1, 2, 3, 4, 5].map((host) => `/ip4/10.0.0.${host}/tcp/31415`)
    const order = new DialOrder(
      (relay) => relay === B,
      () => [web],
    )
    const dialled = order.of({ addresses: [...addresses, via(A)], worked: undefined }, [via(B)])
    expect(dialled).toEqual([...addresses, via(B), via(A), `${web}/p2p/${A}/p2p-circuit`])
  })

  it('and the parts of an address are read', () => {
    expect([relayOf(via(A)), relayOf(usual), hostOf(via(A)), portOf(web), portOf('/dns4/x')]).toEqual([
      A,
      undefined,
      '5.5.5.5',
      '443',
      '',
    ])
  })
})
