// Runs the contract suites on a real host: libvirtd and QEMU. Wherever a fake differs from it, the fake is wrong.
import { withRigPart } from '../rig/vitest.ts'
import { describeContracts } from './contracts.ts'
import { startLibvirtHost } from './libvirt-host.ts'

describeContracts(withRigPart(startLibvirtHost))
