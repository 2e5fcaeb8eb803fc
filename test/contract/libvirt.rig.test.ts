// Runs the contract suites on a real host with libvirtd and QEMU. fake.test.ts runs the same suites on the fake host.
// If a suite fails on one of them only, the fake host is wrong.
import { withRigPart } from '../rig/vitest.ts'
import { describeContracts } from './contracts.ts'
import { startLibvirtHost } from './libvirt-host.ts'

describeContracts(withRigPart(startLibvirtHost))
