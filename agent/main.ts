/** The agent: makes the domains of this host match the Servers that are placed on it. */
import { runAgentProgram } from './program.ts'

await runAgentProgram()
