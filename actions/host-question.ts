/**
 * Questions of the API shim to the agent of a host, about what only the host knows or what changes too often for a
 * resource. Question and answer are encrypted, so plain HTTP carries them (docs/adr/0046).
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parseJson } from './parse-json.ts'
import { decryptWith, encryptFor } from './sealed-secret.ts'

/** The path to which questions are posted. */
export const QUESTION_PAGE = 'questions'
/**
 * The audience of the token in a question. It names one agent, so that this agent cannot use the token to ask another.
 */
export const questionAudienceOf = (host: string): string => `compute.kubenova.io/agent/${host}`

const Question = Type.Object({
  /** A token of the shim's ServiceAccount with the audience {@link questionAudienceOf}. */
  token: Type.String(),
  /** The X25519 public key, in base64url, for which the answer is encrypted. */
  replyKey: Type.String({ maxLength: 64 }),
  /** The uid of the Server. */
  server: Type.String({ maxLength: 64 }),
  ask: Type.Enum(['console-output', 'statistics']),
})
export type HostQuestion = Static<typeof Question>

/** Statistics of a running domain by libvirt's names, such as `block.0.rd.bytes`. */
export type DomainStatistics = Readonly<Record<string, string | number | boolean>>

export type HostAnswer =
  | { output: string }
  | { statistics: DomainStatistics }
  /** `server`: the host does not run the server. `domain`: the domain is off, so it has no statistics. */
  | { missing: 'server' | 'domain' }

/** @param publicKey status.sealingKey of the Hypervisor */
export const encryptQuestion = (question: HostQuestion, publicKey: string): Promise<string> =>
  encryptFor(Buffer.from(JSON.stringify(question)), publicKey, { purpose: 'question' })

/** Returns undefined if the text is no question that was encrypted for this key. */
export async function decryptQuestion(text: string, privateKey: KeyObject): Promise<HostQuestion | undefined> {
  const plain = await decryptWith(text, privateKey, { purpose: 'question' })
  if (!plain) return undefined
  const question = parseJson(Buffer.from(plain).toString('utf8'))
  return Value.Check(Question, question) ? question : undefined
}

export const encryptAnswer = (answer: HostAnswer, { replyKey, server }: HostQuestion): Promise<string> =>
  encryptFor(Buffer.from(JSON.stringify(answer)), replyKey, { purpose: 'answer', server })

/** Returns undefined if the text is no answer about this server that was encrypted for this key. */
export async function decryptAnswer(
  text: string,
  privateKey: KeyObject,
  server: string,
): Promise<HostAnswer | undefined> {
  const plain = await decryptWith(text, privateKey, { purpose: 'answer', server })
  return plain && (JSON.parse(Buffer.from(plain).toString('utf8')) as HostAnswer)
}

/** A key pair for one question: the agent encrypts its answer with the public key. */
export function newReplyKey(): { privateKey: KeyObject; replyKey: string } {
  const { privateKey } = generateKeyPairSync('x25519')
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, replyKey: x }
}
