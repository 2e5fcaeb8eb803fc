// The contracts on the fake host that unit tests run on.
import { FakeHost } from '../fakes/host.ts'
import { describeContracts } from './contracts.ts'
import { MemoryContractHost } from './memory-host.ts'

const machines = new FakeHost()
const host = new MemoryContractHost(machines, () => machines.of())

describeContracts(() => host)
