/** The habits of each OpenStack service: where it is mounted, its microversions, and the form of its errors. */
import type { ServiceName } from '../routes/route.ts'
import { type Fault, renderFault } from './fault.ts'
import { minorOf, negotiateVersion, versionHeaders, versionText } from './microversion.ts'

export interface Rendered {
  contentType: string
  body: string
}

export interface Profile {
  service: ServiceName
  /** The path of the service's root below the address of the shim. */
  root: string
  /** The version in the path, below the root. */
  version: string
  /** Whether a project may stand between version and path. */
  hasProjectInPath: boolean
  /** The minor number of the microversion that a request asks for. Throws a fault if there is no such version. */
  negotiate(headers: Readonly<Record<string, string | string[] | undefined>>): number
  versionHeaders(minor: number): Record<string, string>
  renderFault(fault: Fault): Rendered
  /** The Compute API takes no other bodies than JSON. Other services read them as they come. */
  takesJsonOnly: boolean
  /** Properties that a schema does not know are dropped instead of refused: the old Compute API 2.0. */
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

/** The fault of Keystone, and of the middleware that checks tokens in front of the other services. */
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
/** An object that does not exist has a type of its own: `NetworkNotFound`. */
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
  renderFault: (fault) => asJson(renderFault(fault), 'application/json; charset=UTF-8'),
  takesJsonOnly: true,
}

const plain = { negotiate: () => 0, versionHeaders: () => ({}), hasProjectInPath: false, takesJsonOnly: false }

export const profiles: readonly Profile[] = [
  compute,
  // The Compute API 2.0 has the routes of 2.1 and knows no microversions.
  { ...compute, version: '/v2', negotiate: () => minorOf('2.1'), versionHeaders: () => ({}), isRelaxed: true },
  { ...plain, service: 'identity', root: '/identity', version: '/v3', renderFault: renderKeystoneFault },
  { ...plain, service: 'image', root: '/image', version: '/v2', renderFault: renderGlanceFault },
  { ...plain, service: 'network', root: '/network', version: '/v2.0', renderFault: renderNeutronFault },
]
