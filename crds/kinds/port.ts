import { Type } from 'typebox'
import {
  ageColumn,
  celRules,
  defineKind,
  immutableRule,
  keptStatusRule,
  Name,
  RecordStatus,
  type Resource,
  readyColumn,
  reasonColumn,
} from '../schema.ts'
import { IP, MAC, oneOfEach } from './address.ts'
import { NetworkRef } from './network.ts'

export const PortSpec = Type.Object(
  {
    network: Type.Object(NetworkRef, { description: 'The Network that it is on.' }),
    fixedIPs: Type.Optional(
      Type.Array(IP('An address of the network.'), {
        description: 'The addresses of the port. Default: any free one of each subnet.',
        maxItems: 2,
        'x-kubernetes-list-type': 'atomic',
        ...celRules(oneOfEach),
      }),
    ),
    macAddress: Type.Optional(MAC('A unicast MAC in lower case. Default: any free one.')),
    server: Type.Optional(
      Name(
        'The Server for which the controller created this port. Leave it out, and name your own port in the Server.',
      ),
    ),
  },
  immutableRule('spec of a Port'),
)

export const PortStatus = Type.Object({
  ...RecordStatus,
  macAddress: Type.Optional(Type.String()),
  fixedIPs: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
  server: Type.Optional(Type.String({ description: 'The Server that uses the port.' })),
})

export const port = defineKind({
  kind: 'Port',
  plural: 'ports',
  shortNames: ['vport'],
  scope: 'Namespaced',
  description:
    'A connection to a network: MAC and addresses. Servers get ports of their own; a Port made first keeps its addresses.',
  spec: PortSpec,
  status: PortStatus,
  statusSubresource: false,
  rules: [keptStatusRule('macAddress')],
  selectableFields: ['.spec.network.name', '.spec.server'],
  columns: [
    { name: 'Network', type: 'string', jsonPath: '.spec.network.name' },
    { name: 'Address', type: 'string', jsonPath: '.status.fixedIPs[0]' },
    { name: 'MAC', type: 'string', jsonPath: '.status.macAddress' },
    { name: 'Server', type: 'string', jsonPath: '.status.server' },
    readyColumn,
    reasonColumn,
    ageColumn,
  ],
})
export type Port = Resource<typeof port>
