/** Asks the agent of a server's host what only the host knows (docs/adr/0046). */
import {
  decryptAnswer,
  encryptQuestion,
  type HostAnswer,
  type HostQuestion,
  newReplyKey,
  QUESTION_PAGE,
  questionAudienceOf,
} from '../../actions/host-question.ts'
import type { Hypervisor } from '../../crds/index.ts'
import { tokenRequestsOf } from '../../kube/builtin-kinds.ts'
import type { Kube } from '../../kube/client.ts'
import { Fault } from '../http/fault.ts'

const SERVICE_ACCOUNT = 'kubenova-api-shim'
const TOKEN_SECONDS = 600
/** A token is replaced after this time, while it is still valid. */
const TOKEN_USE_MS = 300_000
const ANSWER_TIMEOUT_MS = 10_000
/** More than the longest answer, a console log of 100 KiB that is escaped and encrypted. */
const MAX_ANSWER_BYTES = 2 ** 20

export class Hosts {
  readonly #kube: Pick<Kube, 'resource' | 'clock'>
  readonly #namespace: string
  /** The tokens by host. */
  readonly #tokens = new Map<string, { until: number; value: Promise<string> }>()

  /** @param namespace the namespace of the shim's ServiceAccount */
  constructor(kube: Pick<Kube, 'resource' | 'clock'>, namespace: string) {
    this.#kube = kube
    this.#namespace = namespace
  }

  /** Throws a 503 if the host does not answer. */
  async ask(host: Hypervisor, question: Pick<HostQuestion, 'server' | 'ask'>): Promise<HostAnswer> {
    const { hostIP, agentPort, sealingKey } = host.status ?? {}
    if (hostIP === undefined || agentPort === undefined || sealingKey === undefined) throw unanswered(host)
    const { privateKey, replyKey } = newReplyKey()
    const text = await encryptQuestion(
      { ...question, token: await this.#findToken(host.metadata.name), replyKey },
      sealingKey,
    )
    const address = hostIP.includes(':') ? `[${hostIP}]` : hostIP
    const response = await post(`http://${address}:${agentPort}/${QUESTION_PAGE}`, text)
    const answer = response && (await decryptAnswer(response, privateKey, question.server))
    if (!answer) throw unanswered(host)
    return answer
  }

  #findToken(host: string): Promise<string> {
    const now = this.#kube.clock.now()
    const known = this.#tokens.get(host)
    if (known && known.until > now) return known.value
    const value = this.#requestToken(host)
    this.#tokens.set(host, { until: now + TOKEN_USE_MS, value })
    value.catch(() => this.#tokens.delete(host))
    return value
  }

  async #requestToken(host: string): Promise<string> {
    const { status } = await this.#kube.resource(tokenRequestsOf(SERVICE_ACCOUNT)).create({
      metadata: { namespace: this.#namespace },
      spec: { audiences: [questionAudienceOf(host)], expirationSeconds: TOKEN_SECONDS },
    })
    return status?.token ?? ''
  }
}

/** Returns the body of the answer; undefined if there is no answer. */
async function post(url: string, body: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    if (response.ok) return await readAnswer(response)
    await response.body?.cancel()
    return undefined
  } catch {
    return undefined
  }
}

/** Undefined if the answer is longer than any of an agent: a host that was broken into must not fill the memory. */
async function readAnswer({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    // The end of the loop also closes the connection.
    if (size > MAX_ANSWER_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const unanswered = ({ metadata: { name } }: Hypervisor): Fault =>
  new Fault(503, `The agent of host ${name} does not answer. Please retry your request.`)
