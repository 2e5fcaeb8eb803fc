/** The agent: makes the domains of this host match the Servers that are placed on it. */
import { agentProgram } from './program.ts'

await agentProgram()
