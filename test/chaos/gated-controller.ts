// controller/main.ts, with a gate at each write.
import { createController } from '../../controller/controller.ts'
import { controllerProgram } from '../../controller/program.ts'
import { openGate } from './gate.ts'
import { gateKube } from './gated.ts'

const gate = await openGate('controller')
await controllerProgram((kube, options, log) => createController(gateKube(kube, gate), options, log))
