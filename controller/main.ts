/** The controller: caches of all kinds, a queue and a reconciler for each, run by the one process that leads. */
import { runControllerProgram } from './program.ts'

await runControllerProgram()
