/** The entry point of the API shim. */
import { runShimProgram } from './program.ts'

await runShimProgram()
