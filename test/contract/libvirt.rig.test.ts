// fake.test.ts runs the same suites. If a suite fails on only one of the two hosts, the fake host behaves differently
// from libvirt and must be corrected.
import { withRigPart } from '../rig/vitest.ts'
import { describeContracts } from './contracts.ts'
import { startLibvirtHost } from './libvirt-host.ts'

describeContracts(withRigPart(startLibvirtHost))
