/**
 * Searches for a secret value that must not appear anywhere: in all objects that the API server shows, and in the logs
 * of the programs.
 */
import { readFileSync } from 'node:fs'
import type { User } from './user.ts'

/**
 * The forms in which a value may stand in a text: as it is, as hexadecimal digits, and as a part of longer base64 text.
 * Base64 encodes three bytes together, so its text depends on how many bytes stand before the value.
 */
export function formsOf(value: string): string[] {
  const bytes = Buffer.from(value)
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Leave out the characters that also depend on the bytes before and after the value.
    const end = Math.floor(((before + bytes.length) * 8) / 6)
    return text.slice(Math.ceil((before * 8) / 6), end)
  })
  const urlSafe = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [value, bytes.toString('hex'), ...base64, ...urlSafe]
}

/** Returns the kinds and the logs that contain the value in any of the forms of formsOf(). */
export async function findLeaks(value: string, user: User, services: readonly string[]): Promise<string[]> {
  const forms = formsOf(value)
  const hasValue = (text: string): boolean => forms.some((form) => text.includes(form))
  const kinds = (await user.kubectl('api-resources', '--verbs=list', '--output=name')).split('\n').filter(Boolean)
  const found: string[] = []
  for (const kind of kinds) if (hasValue(await user.kubectl('get', kind, '-A', '-o', 'yaml'))) found.push(kind)
  for (const name of services)
    if (hasValue(readFileSync(user.cloud.service(name).log, 'utf8'))) found.push(`log of ${name}`)
  return found
}
