import { describe, expect, it, vi } from 'vitest'
import type { Flavor, Server } from '../../crds/index.ts'
import { Links } from '../http/links.ts'
import { serverJsonRenderer } from './server-json.ts'
import { renderServer, type ServerViewContext } from './servers.ts'

const server = {
  metadata: { name: 'web', namespace: 'mine', uid: '1', creationTimestamp: '2026-01-02T03:04:05Z' },
  spec: { flavor: 'small', image: { name: 'i' }, networks: [], powerState: 'Running' },
  status: {
    host: 'h1',
    vmState: 'active',
    addresses: [{ network: 'net', address: '10.0.0.5', version: 4, macAddress: 'fa:16:3e:00:00:01' }],
  },
} as unknown as Server
const flavor = { metadata: { name: 'small' }, spec: { vcpus: 1, ram: 512, disk: 1 } } as unknown as Flavor
const linksOf = (address: string): Links =>
  new Links({ address, service: '/compute', version: '/v2.1', project: undefined })
const noProperties = {}
const context: ServerViewContext = {
  version: 96,
  links: linksOf('http://a'),
  form: 'list',
  isAdmin: false,
  projectIdOf: () => 'p',
  imageIdOf: () => 'i',
  imagePropertiesOf: () => noProperties,
  flavorOf: () => flavor,
  networkLabelsOf: () => '',
  hostStatusOf: () => 'UP',
  requestedTaskOf: () => undefined,
}

describe('serverJsonRenderer', () => {
  it('renders a server once while nothing changes', () => {
    const stringify = vi.spyOn(JSON, 'stringify')
    const objects = (): number => stringify.mock.calls.filter(([value]) => !Array.isArray(value)).length
    const first = serverJsonRenderer(context)(server)
    expect(objects()).toBe(1)
    expect(serverJsonRenderer({ ...context, links: linksOf('http://a') })(server)).toBe(first)
    expect(objects()).toBe(1)
    stringify.mockRestore()
  })

  const changes: Readonly<Record<string, Partial<ServerViewContext>>> = {
    microversion: { version: 2 },
    address: { links: linksOf('http://b') },
    role: { isAdmin: true },
    project: { projectIdOf: () => 'q' },
    image: { imageIdOf: () => 'j' },
    'properties of the image': { version: 100, imagePropertiesOf: () => ({ hw_disk_bus: 'virtio' }) },
    flavor: { flavorOf: () => ({ ...flavor, spec: { ...flavor.spec, ram: 1024 } }) },
    'name of a network': { networkLabelsOf: () => '["blue"]' },
    'status of the host': { isAdmin: true, hostStatusOf: () => 'DOWN' },
    'requested task': { requestedTaskOf: () => 'rebooting' },
  }
  for (const [what, change] of Object.entries(changes))
    it(`renders a server anew after a change of the ${what}`, () => {
      const [before, after] = [
        { ...context, ...change, ...opposite(change) },
        { ...context, ...change },
      ]
      const old = serverJsonRenderer(before)(server)
      const text = serverJsonRenderer(after)(server)
      expect(text).not.toBe(old)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(renderServer(server, after))))
    })

  it('renders another object of the same server anew', () => {
    const renamed = { ...server, spec: { ...server.spec, displayName: 'new' } }
    serverJsonRenderer(context)(server)
    expect(JSON.parse(serverJsonRenderer(context)(renamed))).toMatchObject({ name: 'new' })
  })
})

function opposite(change: Partial<ServerViewContext>): Partial<ServerViewContext> {
  const key = Object.keys(change).at(-1) as keyof ServerViewContext
  return { [key]: context[key] }
}
