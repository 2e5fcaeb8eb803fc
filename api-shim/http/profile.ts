import type { ServiceName } from '../routes/route.ts'
import type { Problem } from '../validation/keywords.ts'
import { computeTypeOf } from './accept.ts'
import { type Fault, keystoneForbids, newBadRequest, policyForbids, renderFault } from './fault.ts'
import { minorOf, negotiateVersion, versionHeaders, versionText } from './microversion.ts'

export interface Rendered {
  contentType: string
  body: string
}

export interface Profile {
  service: ServiceName
  /** The path of the service below the address of the shim. */
  root: string
  /** Comes after `root` in the path. */
  version: string
  /** Whether the path may have a project after the version. */
  hasProjectInPath: boolean
  /** The minor number of the requested microversion. Throws a fault if there is no such version. */
  negotiate(headers: Readonly<Record<string, string | string[] | undefined>>): number
  versionHeaders(minor: number): Record<string, string>
  /** The Content-Type of an answer with a body. @param accept the client's Accept header */
  contentTypeOf(accept: string | undefined): string
  renderFault(fault: Fault): Rendered
  /** The fault of a caller whom the policy rule does not allow the request. */
  newPolicyFault(rule: string): Fault
  /** The fault of a body that its schema does not allow. Default: Nova's. */
  newBodyFault?(problem: Problem): Fault
  /** True for the Compute API. Other services parse bodies themselves. */
  takesJsonOnly: boolean
  /** True for the old Compute API 2.0: properties that a schema does not know are dropped, not refused. */
  isRelaxed?: true
}

const asJson = (body: object, contentType = 'application/json'): Rendered => ({
  contentType,
  body: JSON.stringify(body),
})

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

/** Keystone's form of a fault. The middleware that checks tokens in front of the other services also uses it. */
export const renderKeystoneFault = ({ status, message }: Fault): Rendered =>
  asJson({ error: { code: status, title: titles[status] ?? 'Internal Server Error', message } })

const renderGlanceFault = ({ status, message }: Fault): Rendered => {
  const title = titles[status] ?? 'Internal Server Error'
  return asJson({ message: `${message}<br /><br />\n\n\n`, code: `${status} ${title}`, title })
}

const neutronTypes: Readonly<Record<number, string>> = {
  400: 'HTTPBadRequest',
  403: 'PolicyNotAuthorized',
  404: 'HTTPNotFound',
  409: 'Conflict',
  501: 'HTTPNotImplemented',
}
const neutronTypeOf = ({ status, message }: Fault): string => {
  const [, word] = status === 404 ? (/^(Network|Subnet|Port) \S+ could not be found\.$/.exec(message) ?? []) : []
  return word === undefined ? (neutronTypes[status] ?? 'HTTPInternalServerError') : `${word}NotFound`
}
const renderNeutronFault = (fault: Fault): Rendered =>
  asJson({ NeutronError: { type: neutronTypeOf(fault), message: fault.message, detail: '' } })

const compute: Profile = {
  service: 'compute',
  root: '/compute',
  version: '/v2.1',
  hasProjectInPath: true,
  negotiate: negotiateVersion,
  versionHeaders: (minor) => versionHeaders(versionText(minor)),
  contentTypeOf: computeTypeOf,
  renderFault: (fault) => asJson(renderFault(fault), 'application/json; charset=UTF-8'),
  newPolicyFault: policyForbids,
  takesJsonOnly: true,
}

const plain = {
  negotiate: () => 0,
  versionHeaders: () => ({}),
  contentTypeOf: () => 'application/json',
  hasProjectInPath: false,
  newPolicyFault: policyForbids,
  takesJsonOnly: false,
}

/** Secrets do not stand in answers, which clients log. */
const secretFields = new Set<unknown>(['password', 'original_password', 'secret'])

function newKeystoneBodyFault({ path, message }: Problem): Fault {
  if (path.length === 0) return newBadRequest(message)
  const text = secretFields.has(path.at(-1)) ? 'the value is not valid' : message
  return newBadRequest(`Invalid input for field '${path.join('/')}': ${text}`)
}

const identity: Profile = {
  ...plain,
  service: 'identity',
  root: '/identity',
  version: '/v3',
  renderFault: renderKeystoneFault,
  newPolicyFault: keystoneForbids,
  newBodyFault: newKeystoneBodyFault,
}

export const profiles: readonly Profile[] = [
  compute,
  // The Compute API 2.0 has the routes of 2.1 and knows no microversions.
  { ...compute, version: '/v2', negotiate: () => minorOf('2.1'), versionHeaders: () => ({}), isRelaxed: true },
  identity,
  { ...plain, service: 'image', root: '/image', version: '/v2', renderFault: renderGlanceFault },
  { ...plain, service: 'network', root: '/network', version: '/v2.0', renderFault: renderNeutronFault },
]
