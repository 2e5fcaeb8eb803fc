// Runs the contract suites on a real host with libvirtd and QEMU. If the fake host behaves differently, the fake is
// wrong.
import { withRigPart } from '../rig/vitest.ts'
import { describeContracts } from './contracts.ts'
import { startLibvirtHost } from './libvirt-host.ts'

describeContracts(withRigPart(startLibvirtHost))
