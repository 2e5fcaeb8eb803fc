import { expect, it } from 'vitest'
import { Terminal } from '../crds/index.ts'
import type { Facts } from './host/facts.ts'
import { hostReadinessOf } from './hypervisor.ts'

const first = Promise.withResolvers<void>()
const firstAway = Promise.withResolvers<void>()
const known = { status: {}, build: {} } as Facts

interface Situation {
  away?: boolean
  socketError?: Error
  known?: Facts
  failure?: Terminal
}

const readinessWith = ({ away = false, socketError, ...facts }: Situation) =>
  hostReadinessOf({
    libvirt: { away, firstAway },
    facts: { known: undefined, failure: undefined, first, ...facts },
    session: { failure: socketError },
  })

it('hostReadinessOf reports nothing before the agent has heard of libvirt', () => {
  expect(readinessWith({})).toBeUndefined()
})

it('hostReadinessOf reports why libvirt is away, and what to do', () => {
  expect(
    readinessWith({ away: true, known, socketError: new Error('connect ENOENT /run/libvirt/libvirt-sock') }),
  ).toEqual({
    status: 'False',
    reason: 'LibvirtUnreachable',
    message:
      'libvirt does not answer (connect ENOENT /run/libvirt/libvirt-sock); running guests continue, and no server is placed here until it answers: install libvirt and QEMU on the host, and check that libvirtd runs',
  })
})

it('hostReadinessOf reports why the facts of the host cannot be read, also when they were known before', () => {
  const failure = new Terminal('KvmMissing', 'libvirt offers no KVM: load its module')
  const notReady = { status: 'False', reason: 'KvmMissing', message: 'libvirt offers no KVM: load its module' }
  expect(readinessWith({ failure })).toEqual(notReady)
  expect(readinessWith({ failure, known })).toEqual(notReady)
})

it.each([
  [undefined, 'libvirt answers'],
  ['the option domainType is qemu', 'libvirt answers; guests are emulated, because the option domainType is qemu'],
])('hostReadinessOf reports a host whose guests are emulated because of %s', (emulatedBecause, message) => {
  expect(readinessWith({ known: { ...known, emulatedBecause } })).toEqual({
    status: 'True',
    reason: 'Connected',
    message,
  })
})
