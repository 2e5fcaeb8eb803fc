import about from '../package.json' with { type: 'json' }

/** The version of Kubenova, which all its parts share. */
export const { version } = about
