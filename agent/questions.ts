import type { KeyObject } from 'node:crypto'
import { decodeJwt } from 'jose'
import {
  decryptQuestion,
  encryptAnswer,
  type HostAnswer,
  type HostQuestion,
  questionAudienceOf,
} from '../actions/host-question.ts'
import { tokenReviews } from '../kube/builtin-kinds.ts'
import type { Kube } from '../kube/client.ts'
import type { Page } from '../kube/health-server.ts'
import { readTail } from './console/tail.ts'
import { QuestionLimit } from './question-limit.ts'

export interface QuestionDeps {
  /** Monotonic milliseconds. */
  now(): number
  wall(): Date
  sealingKey(): Promise<KeyObject>
  isShim(token: string): Promise<boolean>
  findServer(uid: string): { uid: string; uuid: string; consoleLog: string } | undefined
  /** Undefined if the domain is off or absent. */
  statisticsOf(server: {
    uid: string
    uuid: string
  }): Promise<Extract<HostAnswer, { statistics: unknown }>['statistics'] | undefined>
}

const tooMany = { status: 429, body: 'too many questions without a valid token' } as const

export function createQuestionPage(deps: QuestionDeps): Page {
  const limit = new QuestionLimit(deps.now)
  const isShim = shareRunning(deps.isShim)
  return async (body, address) => {
    if (!limit.mayAsk(address)) return tooMany
    const question = await decryptQuestion(body, await deps.sealingKey())
    if (!question) {
      limit.charge(address)
      return { status: 400, body: 'this is no question for this host' }
    }
    const { token } = question
    if (!limit.isReviewed(token)) {
      if (!limit.isKnownToken(token) && !limit.charge(address)) return tooMany
      if (!(await isShim(token))) {
        limit.forget(token)
        return { status: 403, body: 'only the API shim may ask' }
      }
      limit.remember(token, address, lifetimeOf(token, deps.wall()))
    }
    return { status: 200, body: await encryptAnswer(await answerQuestion(question, deps), question) }
  }
}

/** Questions that come during a review of their token wait for it, and make no other. */
function shareRunning(review: (token: string) => Promise<boolean>): typeof review {
  const running = new Map<string, Promise<boolean>>()
  return (token) => {
    const shared = running.get(token) ?? review(token).finally(() => running.delete(token))
    running.set(token, shared)
    return shared
  }
}

/**
 * Milliseconds for which an accepted token is valid; undefined: it has no `exp`. The API server has checked the
 * signature.
 */
function lifetimeOf(token: string, now: Date): number | undefined {
  try {
    const { exp } = decodeJwt(token)
    return exp === undefined ? undefined : exp * 1000 - now.getTime()
  } catch {
    return undefined
  }
}

async function answerQuestion({ server: uid, ask }: HostQuestion, deps: QuestionDeps): Promise<HostAnswer> {
  const server = deps.findServer(uid)
  if (!server) return { missing: 'server' }
  if (ask === 'console-output') {
    const output = await readTail(server.consoleLog)
    return { output: output.toString('utf8') }
  }
  const statistics = await deps.statisticsOf(server)
  return statistics ? { statistics } : { missing: 'domain' }
}

export const shimTokenChecker =
  (kube: Pick<Kube, 'resource'>, namespace: string, host: string) =>
  async (token: string): Promise<boolean> => {
    const spec = { token, audiences: [questionAudienceOf(host)] }
    const { status } = await kube.resource(tokenReviews).create({ metadata: {}, spec })
    const shim = `system:serviceaccount:${namespace}:kubenova-api-shim`
    return status?.authenticated === true && status.user?.username === shim
  }
