/** The version that the agent reports of itself. */
import about from '../package.json' with { type: 'json' }

export const { version } = about
