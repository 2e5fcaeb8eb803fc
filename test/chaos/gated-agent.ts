// agent/main.ts, with a gate at each effect.
import { agentOf } from '../../agent/agent.ts'
import { createParts } from '../../agent/parts.ts'
import { agentProgram } from '../../agent/program.ts'
import { openGate } from './gate.ts'
import { gateHost, gateKube } from './gated.ts'

const gate = await openGate('agent')
await agentProgram(async (kube, options, log) => {
  const parts = await createParts(gateKube(kube, gate), options, log)
  return agentOf({ ...parts, host: gateHost(parts.host, gate) })
})
