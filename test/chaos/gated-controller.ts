// The controller, which waits for the test (gate.ts) before and after each API write.
import { createController } from '../../controller/controller.ts'
import { runControllerProgram } from '../../controller/program.ts'
import { connectToGatekeeper } from './gate.ts'
import { gateKube } from './gated.ts'

const gate = await connectToGatekeeper('controller')
await runControllerProgram((kube, options, log) => createController(gateKube(kube, gate), options, log))
