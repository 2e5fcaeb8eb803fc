/** The command-line options that `make images` and `make release` have in common. */
import { type Architecture, architectures } from './names.ts'

/** The base image of a build that names none. */
export const publicBase = 'docker.io/library/debian:bookworm-slim'

export const parseArchitectures = (text: string): Architecture[] => parseWords('arch', text, architectures)

/** Splits the value of an option at commas. Throws an error if a part is none of the allowed words. */
export function parseWords<T extends string>(option: string, text: string, allowed: readonly T[]): T[] {
  return text.split(',').map((word) => {
    const found = allowed.find((name) => name === word)
    if (found === undefined) throw new Error(`--${option} ${word}: must be one of ${allowed.join(', ')}`)
    return found
  })
}
