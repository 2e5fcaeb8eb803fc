/** The version that the agent reports in the Hypervisor's status. */
import about from '../package.json' with { type: 'json' }

export const { version } = about
