import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { CONFIG_KEYS, type ConfigKeyName, loadConfig } from '../../src/daemon/config.ts'
import { sampleNode } from '../wire/samples.ts'

const folder = join(import.meta.dirname, '../../config')
const names = Object.keys(CONFIG_KEYS) as ConfigKeyName[]
const load = (text: string) => loadConfig(text, 'pimesh.toml')
const failure = (code: string, ...parts: string[]) =>
  expect.objectContaining({ code, message: expect.stringMatching(new RegExp(parts.map(escaped).join('.*'))) })

const escaped = (text: string) => text.replaceAll(/[^\w ]/g, '\\$&')

/** Dotted names of all values of a TOML table. */
function leaves(table: object, prefix = ''): string[] {
  return Object.entries(table).flatMap(([key, value]) =>
    typeof value === 'object' && !Array.isArray(value) ? leaves(value, `${prefix}${key}.`) : [prefix + key],
  )
}

describe('the configuration', () => {
  it('is all defaults without a file and with an empty one', () => {
    expect(load('')).toEqual(loadConfig(undefined, ''))
    expect(load('')).toEqual({
      listen: ['/ip4/0.0.0.0/tcp/31415', '/ip6/::/tcp/31415'],
      announce: [],
      bootstrap: [],
      health: { period: limits.recordPeriodMin },
      discovery: { mdns: true },
      relay: {
        offer: 'auto',
        reservations: limits.relayReservations,
        rate: limits.relayRate,
        monthly: limits.relayMonthly,
      },
      swarm: {
        ...{ upload: undefined, each: undefined, download: undefined, monthly: undefined },
        ...{ hours: [], hot: 85, lan: false, dht: true, cache: limits.cacheBytes, forward: 0 },
      },
      state: { flush: limits.viewFlushPeriod },
      install: { root: 'installed' },
      artifacts: { mirror: false },
      beacon: { key: '' },
      http: { listen: undefined },
      collectors: { textfiles: '', programs: '', period: 60_000, timeout: 10_000 },
      log: { level: 'info' },
    })
  })

  it('takes every key, and turns seconds into milliseconds', () => {
    const member = `/dns4/pi.example.org/tcp/31415/p2p/${sampleNode(1)}`
    const relayed = `${member}/p2p-circuit/p2p/${sampleNode(2)}`
    const text = `listen = ["/ip4/10.0.0.1/tcp/0"]
      announce = ["/dns4/pi.example.org/tcp/443"]
      bootstrap = ["${member}", "${relayed}"]
      health.period = 2.5
      discovery.mdns = false
      relay = { offer = "never", reservations = 3, rate = "10 kB/s", monthly = "0.5 GB" }
      swarm.upload = "2 MB/s"
      swarm.each = "500kB/s"
      swarm.download = "16 Mbit/s"
      swarm.monthly = "1.5 GB"
      swarm.hot = 60.5
      swarm.lan = true
      swarm.hours = ["22:00-06:00", "12:00-24:00"]
      state.flush = 60
      install.root = "/srv/acme"
      artifacts.mirror = true
      swarm.dht = false
      swarm.cache = "500 MB"
      swarm.forward = "2 GB"
      beacon.key = "beacon.key"
      collectors.textfiles = "/srv/prom"
      collectors.programs = "programs"
      collectors.period = 10
      collectors.timeout = 2.5
      http.listen = "[::1]:3141"
      [log]
      level = "debug"`
    expect(load(text)).toEqual({
      listen: ['/ip4/10.0.0.1/tcp/0'],
      announce: ['/dns4/pi.example.org/tcp/443'],
      bootstrap: [member, relayed],
      health: { period: 2_500 },
      discovery: { mdns: false },
      relay: { offer: 'never', reservations: 3, rate: 10_000, monthly: 500_000_000 },
      swarm: {
        ...{
          upload: 2_000_000,
          each: 500_000,
          download: 2_000_000,
          monthly: 1_500_000_000,
          hot: 60.5,
          lan: true,
          dht: false,
          cache: 500_000_000,
          forward: 2_000_000_000,
        },
        hours: [
          { from: 1_320, to: 360 },
          { from: 720, to: 1_440 },
        ],
      },
      state: { flush: 60_000 },
      install: { root: '/srv/acme' },
      artifacts: { mirror: true },
      beacon: { key: 'beacon.key' },
      http: { listen: { host: '::1', port: 3_141 } },
      collectors: { textfiles: '/srv/prom', programs: 'programs', period: 10_000, timeout: 2_500 },
      log: { level: 'debug' },
    })
  })

  it.each([
    ['helth.period = 10', '"helth.period"', '"health.period"'],
    ['[health]\nperiods = 10', '"health.periods"', '"health.period"'],
    ['mdns = true', '"mdns"', '"discovery.mdns"'],
    ['flush = 1', '"flush"', '"state.flush"'],
    ['uplaod = "1 MB/s"', '"uplaod"', '"swarm.upload"'],
    ['[network.tcp]\nlisten = []', '"network.tcp.listen"', '"listen"'],
    ['[loging]\nlevel = "info"', '"loging.level"', '"log.level"'],
    ['[loging]', '"loging"', '"'],
    ['Listen = []', '"Listen"', '"listen"'],
    ['__proto__ = 1', '"__proto__"', '"'],
    ['constructor.prototype = 1', '"constructor.prototype"', '"'],
  ])('names the nearest known key: %s', (text, given, nearest) => {
    expect(() => load(text)).toThrow(failure('E_CONFIG_KEY', 'pimesh.toml', given, nearest))
  })

  it.each([
    ['install.root = ""', 'install.root is ""', 'a path'],
    ['artifacts.mirror = 1', 'artifacts.mirror is 1', 'true or false'],
    ['swarm.dht = "yes"', 'swarm.dht is "yes"', 'true or false'],
    ['swarm.cache = -1', 'swarm.cache: -1 has no unit', 'an amount with its unit such as "2 GB"'],
    ['swarm.forward = "2 kB"', 'swarm.forward: "kB" is none of its units', 'or "none"'],
    ['listen = "/ip4/0.0.0.0/tcp/1"', 'listen is "', 'a list'],
    ['listen = ["0.0.0.0:31415"]', 'listen is ["0.0.0.0:31415"]', '/ip4/0.0.0.0/tcp/31415'],
    ['listen = ["/ip4/0.0.0.0/udp/31415"]', 'listen is', '/tcp/'],
    ['listen = ["/ip4/0.0.0.0/tcp/70000"]', 'listen is', '/tcp/'],
    ['listen = ["/ip4/300.0.0.0/tcp/7000"]', 'listen is', '/tcp/'],
    ['listen = ["/dns4/pi/tcp/7000"]', 'listen is', '/tcp/'],
    ['bootstrap = 1', 'bootstrap is 1', '/p2p/12D3KooW'],
    ['bootstrap = ["/ip4/10.0.0.1/tcp/31415"]', 'bootstrap: "/ip4/10.0.0.1', 'without the id of the member'],
    ['bootstrap = ["/ip4/10.0.0.1/tcp/31415/p2p/12D3KooW"]', 'bootstrap: "', 'does not end in the id of a member'],
    [
      `bootstrap = ["/ip4/1.2.3.4/tcp/1/p2p-circuit/p2p/${sampleNode(1)}"]`,
      'bootstrap: "',
      "without the relay's own id",
    ],
    [`bootstrap = ["/ip4/1.2.3.4/tcp/1/p2p/${sampleNode(1)}/p2p-circuit"]`, 'bootstrap: "', 'who is behind the relay'],
    [`announce = [${'"/ip4/10.0.0.1/tcp/1",'.repeat(17)}]`, 'announce is', 'a list'],
    ['announce = ["/ip4/10.0.0.1/tcp/0"]', 'announce: "/ip4/10.0.0.1/tcp/0"', 'has 0 for a port'],
    ['announce = ["/ip4/0.0.0.0/tcp/31415"]', 'announce: "', 'stands for all addresses'],
    ['announce = ["pi.example.org:31415"]', 'announce: "pi', '/dns4/pi.example.org/tcp/31415'],
    ['bootstrap = ["/dns4/pi example/tcp/1/p2p/x"]', 'bootstrap: "', 'no host name'],
    ['health.period = 0.5', 'health.period is 0.5', 'seconds from 1 to 600'],
    ['health.period = 601', 'health.period is 601', 'seconds from 1 to 600'],
    ['relay.reservations = 1.5', 'relay.reservations is 1.5', 'a whole number of members'],
    ['relay.reservations = 65', 'relay.reservations is 65', 'members from 0 to 64'],
    ['relay.reservations = -1', 'relay.reservations is -1', 'members from 0 to 64'],
    ['relay.rate = 2000', 'relay.rate: 2000 has no unit', '"2 MB/s" or "16 Mbit/s", from 10 kB/s to 1 GB/s'],
    ['relay.rate = "9 kB/s"', 'relay.rate is "9 kB/s"', 'from 10 kB/s to 1 GB/s'],
    ['relay.rate = "unlimited"', 'relay.rate is "unlimited"', 'from 10 kB/s to 1 GB/s'],
    ['relay.monthly = 200', 'relay.monthly: 200 has no unit', '"200 GB", from 1 MB to 1000 TB'],
    ['relay.monthly = "200"', 'relay.monthly: "200" has no unit', '"200 GB", from 1 MB to 1000 TB'],
    ['swarm.upload = "1.5"', 'swarm.upload: "1.5" has no unit', '"2 MB/s" or "16 Mbit/s"'],
    ['relay.monthly = "200 GiB"', '"GiB" is none of its units', 'MB, GB, TB'],
    ['swarm.cache = "0.5 MB"', 'swarm.cache is "0.5 MB"', 'from 1 MB to 1000 TB, or "none"'],
    ['health.period = nan', 'health.period is NaN', 'seconds from 1 to 600'],
    ['health.period = "10s"', 'health.period is "10s"', 'seconds from 1 to 600'],
    ['swarm.upload = 2', 'swarm.upload: 2 has no unit', '"2 MB/s" or "16 Mbit/s"'],
    ['swarm.upload = "2 mb/s"', 'swarm.upload: "mb/s" is none of its units', 'kB/s, MB/s'],
    ['swarm.upload = "2 MiB/s"', '"MiB/s" is none of its units', 'kB/s, MB/s'],
    ['swarm.upload = "2 constructor"', '"constructor" is none of its units', 'kB/s, MB/s'],
    ['swarm.upload = "0 kB/s"', 'swarm.upload is "0 kB/s"', 'from 1 kB/s to 10 GB/s, or "unlimited"'],
    ['swarm.each = "-1 MB/s"', 'swarm.each is "-1 MB/s"', 'a rate with its unit'],
    ['swarm.download = "fast"', 'swarm.download is "fast"', 'or "unlimited"'],
    ['swarm.download = true', 'swarm.download is true', 'a rate with its unit'],
    ['swarm.monthly = 20', 'swarm.monthly: 20 has no unit', '"20 GB"'],
    ['swarm.monthly = "20 GB/s"', 'swarm.monthly: "GB/s" is none of its units', 'MB, GB, TB'],
    ['swarm.monthly = "0.5 MB"', 'swarm.monthly is "0.5 MB"', 'from 1 MB to 1000 TB'],
    ['swarm.hours = "22:00-06:00"', 'swarm.hours is "22:00-06:00"', '["22:00-06:00"]'],
    ['swarm.hours = ["22-6"]', 'swarm.hours: "22-6" is not two times', '"22:00-06:00"'],
    ['swarm.hours = ["22:00-06:00", "25:00-06:00"]', 'swarm.hours: "25:00-06:00" is not', '"22:00-06:00"'],
    ['swarm.hours = ["22:00-24:01"]', 'swarm.hours: "22:00-24:01" is not', '"22:00-06:00"'],
    ['swarm.hours = ["22:00-22:00"]', 'begins and ends at the same minute', '[] for all hours'],
    ['swarm.hours = [22]', 'swarm.hours: 22 is not two times', '"22:00-06:00"'],
    [`swarm.hours = [${'"01:00-02:00",'.repeat(17)}]`, 'swarm.hours is', 'at most 16'],
    ['swarm.hot = 39', 'swarm.hot is 39', 'degrees Celsius from 40 to 110, or "never"'],
    ['swarm.hot = "hot"', 'swarm.hot is "hot"', 'or "never"'],
    ['swarm.lan = "yes"', 'swarm.lan is "yes"', 'true or false'],
    ['state.flush = 9', 'state.flush is 9', 'seconds from 10 to 3600'],
    ['discovery.mdns = "yes"', 'discovery.mdns is "yes"', 'true or false'],
    ['http.listen = "0.0.0.0:3141"', 'http.listen is "0.0.0.0:3141"', '127.0.0.1:3141'],
    ['http.listen = "127.0.0.1"', 'http.listen is "127.0.0.1"', 'with a port'],
    ['http.listen = "127.0.0.1:99999"', 'http.listen', 'with a port'],
    ['http.listen = 3141', 'http.listen is 3141', 'with a port'],
    ['collectors.period = 9', 'collectors.period is 9', 'from 10 to 86400'],
    ['collectors.timeout = 61', 'collectors.timeout is 61', 'from 1 to 60'],
    ['collectors.programs = 1', 'collectors.programs is 1', 'path of a folder'],
    ['log.level = "verbose"', 'log.level is "verbose"', '"debug"'],
    ['health = 10', 'health is 10', 'a table with health.period'],
  ])('says what a value was and what it must be: %s', (text, was, must) => {
    expect(() => load(text)).toThrow(failure('E_CONFIG', 'pimesh.toml', was, must))
  })

  it('takes an address that is written twice once: no other program would be there', () => {
    expect(load('listen = ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"]').listen).toEqual(['/ip4/127.0.0.1/tcp/1'])
  })

  it('takes words for no bound', () => {
    expect(load('swarm = { upload = "unlimited", hot = "never" }').swarm).toMatchObject({
      ...{ upload: undefined, hot: undefined },
    })
  })

  it('lets nobody ask a relay that takes nobody in', () => {
    expect(load('relay = { offer = "always", reservations = 0 }').relay).toMatchObject({ offer: 'never' })
  })

  it('says where a file is not TOML', () => {
    expect(() => load('bootstrap = []\nlisten = [')).toThrow(failure('E_CONFIG', 'pimesh.toml, line 2, column'))
    try {
      load('= 1')
    } catch (error) {
      expect((error as Failure).message.split('\n')).toHaveLength(1)
    }
  })

  it('only ever throws a failure', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.constantFrom(...names).map((name) => `${name} = [[{a=1}]]`),
        ),
        (text) => {
          try {
            load(text)
          } catch (error) {
            expect(error).toBeInstanceOf(Failure)
          }
        },
      ),
    )
  })
})

describe('config/', () => {
  const read = (file: string) => readFile(join(folder, file), 'utf8')

  it('default.toml holds every key and no other, with exactly the defaults', async () => {
    const text = await read('default.toml')
    expect(leaves(parse(text)).sort()).toEqual([...names].sort())
    expect(load(text)).toEqual(loadConfig(undefined, ''))
  })

  it('default.toml explains every key', async () => {
    const lines = (await read('default.toml')).split('\n')
    for (const name of names) {
      const key = name.slice(name.indexOf('.') + 1)
      const at = lines.findIndex((line) => line.startsWith(`${key} = `))
      expect(lines[at - 1], name).toMatch(/^# .+/)
    }
  })

  it('every other file parses and changes something', async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.toml') && file !== 'default.toml')
    expect(files.sort()).toEqual(['lab.toml', 'pi-zero-2.toml'])
    for (const file of files) expect(load(await read(file)), file).not.toEqual(load(''))
  })
})
