// The agent, which waits for the test (gate.ts) before and after each change of the host and each API write.
import { newAgent } from '../../agent/agent.ts'
import { createAgentComponents } from '../../agent/components.ts'
import { runAgentProgram } from '../../agent/program.ts'
import { connectToGatekeeper } from './gate.ts'
import { gateHost, gateKube } from './gated.ts'

const gate = await connectToGatekeeper('agent')
await runAgentProgram(async (kube, options, log) => {
  const components = await createAgentComponents(gateKube(kube, gate), options, log)
  return newAgent({ ...components, host: gateHost(components.host, gate) })
})
