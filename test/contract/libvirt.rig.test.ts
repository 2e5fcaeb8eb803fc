// Runs the contract suites on a real host with libvirtd and QEMU. fake.test.ts runs the same suites on the fake host.
// If a suite fails on only one of the two hosts, the fake host behaves differently from libvirt and must be corrected.
import { withRigPart } from '../rig/vitest.ts'
import { describeContracts } from './contracts.ts'
import { startLibvirtHost } from './libvirt-host.ts'

describeContracts(withRigPart(startLibvirtHost))
