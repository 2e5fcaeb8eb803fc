import {
  type Attempt,
  actionPath,
  condition,
  deleteObject,
  eventsPath,
  forceApply,
  getText,
  groupPath,
  hostSecretPath,
  hypervisorPath,
  leasePath,
  makeActionRecord,
  makeEvent,
  makeLease,
  makeObject,
  mergePatch,
  namespacePath,
  now,
  postObject,
  serverPath,
  serverStatusPath,
  systemNamespace,
} from './attempts.ts'

const another = 'this Server is on h2: the agent of h1 writes only those of its own host'
const noSpec = "an agent changes no spec, which is its user's"
const homeless = 'this Server has no host yet: the agent of h1 writes only those whose status.host it is'
const onlyFinalizer = 'of the finalizers an agent changes one'
const notMove = 'an agent does not write these status fields, which belong to kubenova-scheduler: host'
const ownHost = 'the agent of h1 writes Hypervisor h1 and no other'
const ownLease = 'the agent of h1 renews Lease h1 and no other, and holds it by the name of its host'
export const ownActions = 'the agent of h1 finishes only actions that the controller has assigned to its host'
const signed = 'a ServerAction that the agent of h1 writes names its host'
export const noNode = 'this token names no node'

const usual = { flavor: 'tiny', image: { name: 'guest' }, networks: [{ name: 'default' }] }
export const powered = { status: { powerState: 'Shutdown', vmState: 'stopped' } }

export const rejectedAttempts: [what: string, attempt: Attempt, sentence: string][] = [
  ['write the status of another’s Server', mergePatch(serverStatusPath('theirs'), powered), another],
  [
    'take over the status of another’s Server',
    forceApply(serverStatusPath('theirs'), makeObject('Server', 'theirs', powered)),
    another,
  ],
  [
    'take over the status of another’s Server as the scheduler',
    forceApply(
      serverStatusPath('theirs'),
      makeObject('Server', 'theirs', { status: { host: 'h1' } }),
      'kubenova-scheduler',
    ),
    another,
  ],
  [
    'remove the finalizer of another’s Server',
    mergePatch(serverPath('theirs'), { metadata: { finalizers: [] } }),
    another,
  ],
  ['label another’s Server', mergePatch(serverPath('theirs'), { metadata: { labels: { a: 'b' } } }), another],
  [
    'force the deletion of another’s Server',
    mergePatch(serverPath('theirs'), { metadata: { annotations: { 'compute.kubenova.io/force-delete': 'true' } } }),
    another,
  ],
  [
    'change the spec of another’s Server',
    mergePatch(serverPath('theirs'), { spec: { powerState: 'Stopped' } }),
    another,
  ],
  ['take a Server that has no host', mergePatch(serverStatusPath('homeless'), { status: { host: 'h1' } }), homeless],
  ['change the spec of its own Server', mergePatch(serverPath('mine'), { spec: { powerState: 'Stopped' } }), noSpec],
  [
    'take over the spec of its own Server',
    forceApply(
      serverPath('mine'),
      makeObject('Server', 'mine', { spec: { ...usual, availabilityZone: 'zone-h1', tags: ['x'] } }),
      'kubectl',
    ),
    noSpec,
  ],
  [
    'force the deletion of its own Server',
    mergePatch(serverPath('mine'), { metadata: { annotations: { 'compute.kubenova.io/force-delete': 'true' } } }),
    'an agent changes no labels, annotations or owners of a Server',
  ],
  [
    'remove the finalizer of its own Server that is not deleted',
    mergePatch(serverPath('mine'), { metadata: { finalizers: [] } }),
    onlyFinalizer,
  ],
  [
    'add a finalizer to its own Server',
    mergePatch(serverPath('mine'), { metadata: { finalizers: ['example.com/mine'] } }),
    onlyFinalizer,
  ],
  ['move its own Server to another host', mergePatch(serverStatusPath('mine'), { status: { host: 'h2' } }), notMove],
  [
    'move its own Server by leaving the host out, as the scheduler',
    forceApply(
      serverStatusPath('mine'),
      makeObject('Server', 'mine', { status: { vmState: 'active' } }),
      'kubenova-scheduler',
    ),
    notMove,
  ],
  [
    'admit an action',
    mergePatch(serverStatusPath('mine'), {
      status: { activeAction: { name: 'x', uid: 'x', action: 'start', admittedAt: now } },
    }),
    'an agent does not write these status fields, which belong to kubenova-admission: activeAction',
  ],
  [
    'write the conditions of the controller',
    mergePatch(serverStatusPath('mine'), { status: { conditions: [condition] } }),
    'an agent writes no conditions of a Server but Ready, Reconciling, Stalled',
  ],
  ['delete another’s Server', deleteObject(serverPath('theirs')), 'cannot delete resource "servers"'],
  ['delete its own Server', deleteObject(serverPath('mine')), 'cannot delete resource "servers"'],
  ['delete all Servers', deleteObject(`${namespacePath}/servers`), 'cannot deletecollection resource "servers"'],
  [
    'create a Server',
    postObject(`${namespacePath}/servers`, makeObject('Server', 'new')),
    'cannot create resource "servers"',
  ],

  [
    'write the status of another host',
    mergePatch(`${hypervisorPath('h2')}/status`, { status: { arch: 'aarch64' } }),
    ownHost,
  ],
  [
    'take over the status of another host',
    forceApply(`${hypervisorPath('h2')}/status`, makeObject('Hypervisor', 'h2', { status: { arch: 'aarch64' } })),
    ownHost,
  ],
  ['force another host down', mergePatch(hypervisorPath('h2'), { spec: { forcedDown: true } }), ownHost],
  ['register another host', forceApply(hypervisorPath('h9'), makeObject('Hypervisor', 'h9', { spec: {} })), ownHost],
  [
    'raise the allocation ratio of its own host',
    mergePatch(hypervisorPath('h1'), { spec: { allocationRatios: { ram: 9 } } }),
    "an agent changes no spec, which is the operator's",
  ],
  [
    'add a finalizer to its own Hypervisor',
    mergePatch(hypervisorPath('h1'), { metadata: { finalizers: ['example.com/mine'] } }),
    'an agent writes no labels, annotations, owners or finalizers of a Hypervisor',
  ],
  [
    'report its own host as down',
    mergePatch(`${hypervisorPath('h1')}/status`, { status: { state: 'down' } }),
    'which belong to kubenova-node-lifecycle: observedGeneration, state, used, servers',
  ],
  ['delete its own Hypervisor', deleteObject(hypervisorPath('h1')), 'cannot delete resource "hypervisors"'],

  ['renew the Lease of another host', forceApply(leasePath('h2'), makeLease('h2')), ownLease],
  ['create a Lease for a host that does not exist', forceApply(leasePath('h9'), makeLease('h9')), ownLease],
  ['hold its own Lease as another host', forceApply(leasePath('h1'), makeLease('h1', 'h2_a')), ownLease],
  [
    'hold the Lease of the controller',
    forceApply(leasePath('kubenova-controller'), makeLease('kubenova-controller', 'h1_a')),
    ownLease,
  ],
  [
    'remove the label of its own Lease',
    mergePatch(leasePath('h1'), { metadata: { labels: { 'compute.kubenova.io/component': null } } }),
    'a Lease that an agent writes has the label compute.kubenova.io/component=agent',
  ],
  [
    'create a Lease in another namespace',
    forceApply(leasePath('h1', 'kube-system'), makeLease('h1')),
    'cannot patch resource "leases"',
  ],

  [
    'request an action',
    postObject(
      `${namespacePath}/serveractions`,
      makeActionRecord('theirs', 'h1', { spec: { action: 'start' }, status: {} }),
    ),
    'it requests none',
  ],
  [
    'start an ended action again',
    mergePatch(actionPath('mine-1'), { status: { phase: 'Running' } }),
    'starts none again',
  ],
  [
    'change the result of an ended action',
    mergePatch(actionPath('mine-1'), { status: { phase: 'Failed' } }),
    'an agent does not change the result of a ServerAction that has ended',
  ],
  ['end a rejected action', mergePatch(actionPath('refused'), { status: { phase: 'Failed', host: 'h1' } }), ownActions],
  [
    'create an action record as another host',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('theirs', 'h2')),
    signed,
  ],
  [
    'name a user in an action record',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('mine', 'h1', { spec: { user: 'alice' } })),
    'an action record of an agent names no user, project or request',
  ],
  [
    'create an action record that another Server owns',
    postObject(`${namespacePath}/serveractions`, makeActionRecord('mine', 'h1', { owner: 'theirs' })),
    'a ServerAction that an agent writes is owned by its Server',
  ],
  [
    'record a deleted server',
    postObject(
      `${namespacePath}/serveractions`,
      makeActionRecord('mine', 'h1', {
        spec: { action: 'delete' },
        status: { phase: 'Succeeded', host: 'h1', deletedServer: { uid: 'u', uuid: 'u', server: {} } },
      }),
    ),
    "status.deletedServer of a ServerAction is the controller's",
  ],
  ['delete an action record', deleteObject(actionPath('refused')), 'cannot delete resource "serveractions"'],
  ['create an Event as another host', postObject(eventsPath, makeEvent('h2')), 'an Event of the agent of h1'],

  ['list Secrets', getText('/api/v1/secrets'), 'cannot list resource "secrets"'],
  [
    'list the Secrets of its namespace',
    getText(`/api/v1/namespaces/${systemNamespace}/secrets`),
    'cannot list resource "secrets"',
  ],
  ['read a Secret', getText('/api/v1/namespaces/default/secrets/any'), 'cannot get resource "secrets"'],
  ['list HostSecrets', getText(`${namespacePath}/hostsecrets`), 'cannot list resource "hostsecrets"'],
  ['list all HostSecrets', getText(`${groupPath}/hostsecrets`), 'cannot list resource "hostsecrets"'],
  ['watch HostSecrets', getText(`${groupPath}/hostsecrets?watch=true`), 'cannot watch resource "hostsecrets"'],
  [
    'create a HostSecret',
    postObject(`${namespacePath}/hostsecrets`, makeObject('HostSecret', 'theirs', { spec: {} })),
    'cannot create resource "hostsecrets"',
  ],
  [
    'change a HostSecret',
    mergePatch(hostSecretPath('secret'), { spec: { host: 'h1' } }),
    'cannot patch resource "hostsecrets"',
  ],
  ['delete a HostSecret', deleteObject(hostSecretPath('secret')), 'cannot delete resource "hostsecrets"'],
  [
    'have the user data of another host encrypted for its own key',
    mergePatch(`${hypervisorPath('h2')}/status`, { status: { sealingKey: 'A'.repeat(43) } }),
    ownHost,
  ],
  ['change a flavor', mergePatch(`${groupPath}/flavors/tiny`, { spec: { ram: 1 } }), 'cannot patch resource "flavors"'],
  [
    'create a token of the controller',
    postObject(`/api/v1/namespaces/${systemNamespace}/serviceaccounts/kubenova-controller/token`, {}),
    'cannot create resource "serviceaccounts/token"',
  ],
]
