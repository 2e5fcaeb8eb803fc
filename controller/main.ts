/** The controller: caches of all kinds, a queue and a reconciler for each, run by the one process that leads. */
import { controllerProgram } from './program.ts'

await controllerProgram()
