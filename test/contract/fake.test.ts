import { FakeHost } from '../fakes/host.ts'
import { describeContracts } from './contracts.ts'
import { MemoryContractHost } from './memory-host.ts'

const fakeHost = new FakeHost()
const host = new MemoryContractHost(fakeHost, () => fakeHost.connect())

describeContracts(() => host)
