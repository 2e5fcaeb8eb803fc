/** Seconds since 1970: SOURCE_DATE_EPOCH, or the first of January 2026. */
export function sourceDate(env: NodeJS.ProcessEnv = process.env): number {
  const given = env['SOURCE_DATE_EPOCH']
  if (given === undefined || given === '') return 1_767_225_600
  if (!/^\d+$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH=${given}: must be a number of seconds since 1970`)
  return Number(given)
}
