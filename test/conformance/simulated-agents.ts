import type { HostAnswer, HostQuestion } from '../../actions/host-question.ts'
import { Hosts } from '../../api-shim/state/hosts.ts'
import { servers } from '../../api-shim/state/stores.ts'
import type { Hypervisor, Server } from '../../crds/index.ts'
import type { FakeApi } from '../fakes/api.ts'

/** libvirt's statistics of a domain with one CPU, one disk and one interface. */
const statistics = {
  'state.state': 1,
  'vcpu.current': 1,
  'vcpu.0.time': 17_300_000_000,
  'block.count': 1,
  'block.0.name': 'vda',
  'block.0.rd.reqs': 112,
  'block.0.rd.bytes': 262_144,
  'block.0.wr.reqs': 488,
  'block.0.wr.bytes': 5_778_432,
  'net.count': 1,
  'net.0.name': 'vnet1',
  'net.0.rx.bytes': 2_070_139,
  'net.0.rx.pkts': 26_701,
  'net.0.tx.bytes': 140_208,
  'net.0.tx.pkts': 662,
  'balloon.maximum': 524_288,
}

/** Answers at once what the agents of the hosts would. */
export class SimulatedAgents extends Hosts {
  readonly #api: FakeApi

  constructor(api: FakeApi) {
    super(api.kube(), 'kubenova-system')
    this.#api = api
  }

  override async ask(
    _host: Hypervisor,
    { server: uid, ask }: Pick<HostQuestion, 'server' | 'ask'>,
  ): Promise<HostAnswer> {
    if (ask === 'console-output') return { output: 'one\ntwo\nthree' }
    const server = this.#api.list<Server>(servers.kind.plural).find(({ metadata }) => metadata.uid === uid)
    return server?.status?.powerState === 'Shutdown' ? { missing: 'domain' } : { statistics }
  }
}
