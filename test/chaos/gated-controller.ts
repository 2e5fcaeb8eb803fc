// controller/main.ts, with a gate at each write.
import { createController } from '../../controller/controller.ts'
import { runControllerProgram } from '../../controller/program.ts'
import { openGate } from './gate.ts'
import { gateKube } from './gated.ts'

const gate = await openGate('controller')
await runControllerProgram((kube, options, log) => createController(gateKube(kube, gate), options, log))
