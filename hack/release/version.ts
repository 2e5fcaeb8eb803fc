/** Versions as semver.org defines them. */

const number = '(?:0|[1-9]\\d*)'
const identifier = `(?:${number}|\\d*[a-zA-Z-][\\da-zA-Z-]*)`
const pattern = new RegExp(`^${number}\\.${number}\\.${number}(?:-(${identifier}(?:\\.${identifier})*))?$`)

/** Whether the text is a semantic version without build metadata, which tags of images cannot have. */
export const isSemanticVersion = (text: string): boolean => pattern.test(text)

export const isPrerelease = (version: string): boolean => pattern.exec(version)?.[1] !== undefined
