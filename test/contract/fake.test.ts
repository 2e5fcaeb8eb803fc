// Runs the contract suites on the fake host, which unit tests use instead of libvirt. Each suite tests one capability,
// a group of methods of `Host`.
import { FakeHost } from '../fakes/host.ts'
import { describeContracts } from './contracts.ts'
import { MemoryContractHost } from './memory-host.ts'

const fakeHost = new FakeHost()
const host = new MemoryContractHost(fakeHost, () => fakeHost.connect())

describeContracts(() => host)
