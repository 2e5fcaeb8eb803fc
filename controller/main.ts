/** The entry point of the controller program. */
import { runControllerProgram } from './program.ts'

await runControllerProgram()
