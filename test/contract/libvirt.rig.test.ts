// The contracts on a real host: libvirtd and QEMU. What a fake does otherwise than this one is a mistake of the fake.
import { withPart } from '../rig/vitest.ts'
import { describeContracts } from './contracts.ts'
import { startLibvirtHost } from './libvirt-host.ts'

describeContracts(withPart(startLibvirtHost))
