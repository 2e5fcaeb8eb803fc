import { Type } from 'typebox'
import {
  ageColumn,
  celRules,
  defineKind,
  immutableRule,
  Line,
  Name,
  Namespace,
  Pairs,
  patternWithMessage,
  type Resource,
  type Rule,
  settableOnlyAtCreate,
} from '../schema.ts'

import { desiredPowers } from '../states.ts'
import { IP, MAC } from './address.ts'
import { zone } from './host-aggregate.ts'
import { ImageReference } from './image.ts'
import { ServerStatus } from './server-status.ts'

/** The limits are Nova's. */
const Tag = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 60,
    ...patternWithMessage(
      '^[^,/\\p{C}]+$',
      "must be a word of printable characters without ',' and '/', 1 to 60 of them",
    ),
  })

/** Ignores an interface in which one of `fields` is not set. */
const uniqueAcrossInterfacesRule = (message: string, fields: readonly string[]): Rule => {
  const has = (of: string): string => fields.map((f) => `has(${of}.${f})`).join(' && ')
  const same = fields.map((f) => `a.${f} == b.${f}`).join(' && ')
  return { rule: `self.all(a, !(${has('a')}) || self.exists_one(b, ${has('b')} && ${same}))`, message }
}

const ServerNetwork = Type.Object(
  {
    name: Type.Optional(Name('A Network: the server gets a port of its own on it.')),
    namespace: Type.Optional(Namespace('Namespace of that Network, if it is a shared one of another namespace.')),
    fixedIP: Type.Optional(IP('An address of that network. Default: any free one.')),
    macAddress: Type.Optional(MAC('Default: any free one.')),
    port: Type.Optional(Name('A Port that exists: the server uses it, with its addresses.')),
    tag: Type.Optional(Tag('Device tag, readable in the metadata of the guest.')),
  },
  celRules(
    { rule: 'has(self.name) != has(self.port)', message: 'give either name (a Network) or port (a Port)' },
    {
      rule: '!has(self.port) || !(has(self.fixedIP) || has(self.macAddress) || has(self.namespace))',
      message: 'fixedIP, macAddress and namespace can only be given with name: a Port has its own',
    },
  ),
)

const SchedulerHints = Type.Object(
  {
    sameHost: Type.Optional(
      Type.Array(Name('A Server of this namespace.'), {
        description: 'The server is placed on the host of one of these servers.',
        maxItems: 32,
        'x-kubernetes-list-type': 'set',
      }),
    ),
    differentHost: Type.Optional(
      Type.Array(Name('A Server of this namespace.'), {
        description: 'The server is not placed on a host of these servers.',
        maxItems: 32,
        'x-kubernetes-list-type': 'set',
      }),
    ),
  },
  celRules({
    rule: '!has(self.sameHost) || !has(self.differentHost) || !self.sameHost.exists(n, n in self.differentHost)',
    message: 'a server cannot be in sameHost and in differentHost',
  }),
)

const UserDataFrom = Type.Object(
  {
    secretKeyRef: Type.Object({
      name: Name('A Secret of this namespace, of the type compute.kubenova.io/user-data.'),
      key: Type.String({
        description: 'The key of the Secret whose value is the user data.',
        minLength: 1,
        maxLength: 253,
        ...patternWithMessage('^[-._a-zA-Z0-9]+$', "must be a key of a Secret: letters, digits, '-', '_' and '.'"),
      }),
      optional: Type.Optional(
        Type.Boolean({
          description:
            'true: if the Secret or the key does not exist when the server is placed, the server has no user data. Default: the server waits for it.',
        }),
      ),
    }),
  },
  {
    description:
      'User data in a Secret. It is read once, when the server is placed: what happens to the Secret later does not affect the server.',
  },
)

const InjectedFrom = Type.Object(
  { secretRef: Type.Object({ name: Name('A Secret of this namespace, of the type compute.kubenova.io/injected.') }) },
  {
    description:
      'A Secret whose key admin-password is the administrator password on the config drive, and whose key files is JSON: a list of {path, contents}, with contents in base64. It is read once, when the server is placed.',
  },
)

const identity = {
  uuid: Type.Optional(
    Type.String({
      description:
        'UUID of the server in Nova, and of its domain in libvirt. Default: metadata.uid. Set it to keep the UUID when the server is created anew.',
      maxLength: 36,
      ...patternWithMessage(
        '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
        'must be a UUID in lower case, such as 7c1f0a6e-58a4-4c3f-9d0a-0d8d9f6a3b21',
      ),
      ...celRules({
        rule: "self != '00000000-0000-0000-0000-000000000000'",
        message: 'must be a UUID of its own: not all zeros',
      }),
    }),
  ),
  displayName: Type.Optional(
    Line('Name of the server in Nova, which need not be unique. Default: metadata.name.', {
      minLength: 1,
      ...celRules({ rule: 'self.trim() == self', message: 'must not begin or end with a blank' }),
    }),
  ),
  description: Type.Optional(Line('Free text.')),
  hostname: Type.Optional(
    Type.String({
      description:
        'Host name that the guest is given. Default: made from displayName or metadata.name, with what a host name cannot have left out.',
      maxLength: 255,
      ...patternWithMessage(
        // As in Nova, names are accepted that are not valid for DNS. DHCP gives the guest only a valid first label.
        '^[a-zA-Z0-9._-]+$',
        "must have only letters, digits, '-', '_' and '.'",
      ),
    }),
  ),
  tags: Type.Optional(
    Type.Array(Tag('A tag.'), {
      description: "Nova's tags: words by which servers can be found. The guest can read them.",
      maxItems: 50,
      'x-kubernetes-list-type': 'set',
    }),
  ),
  metadata: Type.Optional(Pairs('Key-value pairs of the user. The guest can read them.')),
}

const boot = {
  flavor: Name('Name of a Flavor.', immutableRule('flavor of a server')),
  image: Type.Optional(
    ImageReference({ description: 'The image that the server boots from.', ...immutableRule('image') }),
  ),
  keyName: Type.Optional(Name('Name of a KeyPair.', immutableRule('keyName'))),
  userData: Type.Optional(
    Type.String({
      description:
        'User data that the guest is given as it is: a script, or cloud-config. Whoever may read Servers can read it: for secrets use userDataFrom.',
      maxLength: 65_535,
      ...immutableRule('userData'),
    }),
  ),
  userDataBase64: Type.Optional(
    Type.String({
      description: 'The same in base64, for user data that is not text.',
      maxLength: 87_380,
      ...patternWithMessage(
        '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
        'must be base64 in one line',
      ),
      ...immutableRule('userDataBase64'),
    }),
  ),
  userDataFrom: Type.Optional({ ...UserDataFrom, ...immutableRule('userDataFrom') }),
  injectedFrom: Type.Optional({ ...InjectedFrom, ...immutableRule('injectedFrom') }),
  configDrive: Type.Boolean({
    default: true,
    description: 'true: the guest has a CD with metadata, network data and user data.',
  }),
  networks: Type.Array(ServerNetwork, {
    description: 'One network interface for each entry, in this order. Empty: a server without network.',
    default: [],
    maxItems: 16,
    'x-kubernetes-list-type': 'atomic',
    ...celRules(
      { rule: 'self == oldSelf', message: 'networks cannot change; delete the server and create it anew' },
      uniqueAcrossInterfacesRule('a Port can be named once', ['port']),
      uniqueAcrossInterfacesRule('a MAC can be given once', ['macAddress']),
      uniqueAcrossInterfacesRule('a tag can be given once', ['tag']),
      uniqueAcrossInterfacesRule('an address can be asked for once', ['name', 'fixedIP']),
    ),
  }),
}

const placement = {
  availabilityZone: Type.Optional(
    Type.String({
      description:
        'The server is placed only on a host of this zone. Later it can be removed, or set to the zone in which the server is.',
      ...zone,
    }),
  ),
  schedulerHints: Type.Optional({
    ...SchedulerHints,
    description: 'Placement relative to other servers. Considered only when the server is placed.',
  }),
}

const lifecycle = {
  powerState: Type.Enum([...desiredPowers], {
    default: 'Running',
    description: 'The power state that the server should have.',
  }),
  locked: Type.Boolean({
    default: false,
    description: 'true: no action, no change of powerState and no deletion until it is false again.',
  }),
  lockedReason: Type.Optional(Line('Why the server is locked.', { minLength: 1 })),
}

export const ServerSpec = Type.Object(
  { ...identity, ...boot, ...placement, ...lifecycle },
  celRules(
    settableOnlyAtCreate('image'),
    settableOnlyAtCreate('keyName'),
    settableOnlyAtCreate('userData'),
    settableOnlyAtCreate('userDataBase64'),
    settableOnlyAtCreate('userDataFrom'),
    settableOnlyAtCreate('injectedFrom'),
    {
      rule: 'has(self.uuid) == has(oldSelf.uuid) && (!has(self.uuid) || self.uuid == oldSelf.uuid)',
      message: 'uuid cannot change',
      fieldPath: '.uuid',
    },
    {
      rule: '!(has(self.userData) && has(self.userDataBase64))',
      message: 'give userData or userDataBase64, not both',
      fieldPath: '.userDataBase64',
    },
    {
      rule: '!(has(self.userDataFrom) && (has(self.userData) || has(self.userDataBase64)))',
      message: 'give userDataFrom, or the user data itself, not both',
      fieldPath: '.userDataFrom',
    },
    {
      rule: '!has(self.lockedReason) || self.locked',
      message: 'lockedReason can only be given with locked: true',
      fieldPath: '.lockedReason',
    },
    {
      rule: 'self.configDrive || !(has(self.userData) || has(self.userDataBase64) || has(self.userDataFrom) || has(self.injectedFrom) || has(self.keyName))',
      message:
        'keyName, user data and what is injected reach the guest by the config drive: set configDrive to true, or leave them out',
      fieldPath: '.configDrive',
    },
    { rule: 'has(self.image)', message: 'image is required: name the Image to boot from', fieldPath: '.image' },
  ),
)

export const server = defineKind({
  kind: 'Server',
  plural: 'servers',
  shortNames: ['srv'],
  scope: 'Namespaced',
  description: 'A virtual machine.',
  spec: ServerSpec,
  status: ServerStatus,
  selectableFields: ['.status.host', '.status.vmState', '.spec.flavor'],
  rules: [
    {
      // Action records are named <server>-<number>, so the name must leave room for the number.
      rule: 'self.metadata.name.size() <= 200',
      message: 'metadata.name must be at most 200 characters',
    },
    {
      rule: '!has(self.spec.schedulerHints) || !(has(self.spec.schedulerHints.sameHost) && self.metadata.name in self.spec.schedulerHints.sameHost) && !(has(self.spec.schedulerHints.differentHost) && self.metadata.name in self.spec.schedulerHints.differentHost)',
      message: 'schedulerHints must name other servers, not this one',
      fieldPath: '.spec.schedulerHints',
    },
    {
      rule: '!has(self.spec.availabilityZone) || (has(oldSelf.spec.availabilityZone) ? self.spec.availabilityZone == oldSelf.spec.availabilityZone : has(self.status) && has(self.status.instance) && self.spec.availabilityZone == self.status.instance.availabilityZone)',
      message:
        'availabilityZone can only be removed, and then set to the zone in which the server is (status.instance.availabilityZone)',
      fieldPath: '.spec.availabilityZone',
    },
  ],
  columns: [
    { name: 'State', type: 'string', jsonPath: '.status.vmState' },
    { name: 'Task', type: 'string', jsonPath: '.status.taskState' },
    { name: 'Power', type: 'string', jsonPath: '.status.powerState' },
    { name: 'Host', type: 'string', jsonPath: '.status.host' },
    { name: 'Address', type: 'string', jsonPath: '.status.addresses[0].address' },
    { name: 'Flavor', type: 'string', jsonPath: '.spec.flavor' },
    ageColumn,
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status', priority: 1 },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
    { name: 'Image', type: 'string', jsonPath: '.spec.image.name', priority: 1 },
    { name: 'Zone', type: 'string', jsonPath: '.status.instance.availabilityZone', priority: 1 },
    { name: 'Locked', type: 'boolean', jsonPath: '.spec.locked', priority: 1 },
    { name: 'Domain', type: 'string', jsonPath: '.status.domain.name', priority: 1 },
  ],
})
export type Server = Resource<typeof server>
