import { Type } from 'typebox'
import { NamespaceName } from '../../../../kube/option-types.ts'
import { KubernetesList, StringMap } from './parts.ts'

const boolean = (description: string, value: boolean) => Type.Boolean({ description, default: value })

const Subjects = (role: string) =>
  Type.Optional(
    Type.Array(
      Type.Object({
        kind: Type.Enum(['User', 'Group', 'ServiceAccount']),
        name: Type.String({ minLength: 1 }),
        namespace: Type.Optional(NamespaceName()),
      }),
      { description: `Who gets the role ${role} in the namespace.` },
    ),
  )

export const commonValues = {
  image: Type.Object({
    registry: Type.String({
      description: 'Registry and folder of the images. `localhost` means images that were imported on each node.',
      default: 'localhost',
      pattern: String.raw`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`,
    }),
    tag: Type.String({
      description: "Tag of the images. Default: the chart's appVersion.",
      default: '',
      pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$',
    }),
    pullPolicy: Type.Enum(['IfNotPresent', 'Always', 'Never'], {
      description: 'When nodes pull the images.',
      default: 'IfNotPresent',
    }),
  }),
  imagePullSecrets: KubernetesList('Secrets with credentials for the registry, such as `- name: my-registry`.'),
  commonLabels: StringMap('Further labels of all objects.'),
  crds: Type.Object({
    install: boolean('Install and upgrade the CustomResourceDefinitions with the chart.', true),
    keep: boolean(
      'Keep the CustomResourceDefinitions, and so all objects, at `helm uninstall`. With false they carry the annotation compute.kubenova.io/allow-deletion=true and are deleted.',
      true,
    ),
  }),
  admission: Type.Object({
    install: boolean(
      'Install the policies that protect locked Servers, the CustomResourceDefinitions, and what users may not write, such as status.',
      true,
    ),
    serverFinalizer: boolean(
      'Install the MutatingAdmissionPolicy that adds the finalizer to new Servers. Without it the controller adds it, one write later.',
      true,
    ),
  }),
  rbac: Type.Object({
    create: boolean(
      'Create the accounts and roles of controller and agents, the policies that restrict them, and the roles of users, such as kubenova-member. With false, first apply the files of crds/access, but not user-policy.yaml; api-shim.yaml only with apiShim.enabled, identity-admin.yaml only if apiShim.identity.writable is true as well.',
      true,
    ),
    aggregate: boolean(
      'Add the roles kubenova-reader, kubenova-member and kubenova-manager to the roles view, edit and admin.',
      true,
    ),
  }),
  tenants: Type.Array(
    Type.Object({
      namespace: NamespaceName(),
      reader: Subjects('kubenova-reader'),
      member: Subjects('kubenova-member'),
      manager: Subjects('kubenova-manager'),
    }),
    {
      description:
        'Role bindings for the users of namespaces that exist: `namespace`, and lists of subjects for `reader`, `member` and `manager`. The subjects may also read flavors.',
      default: [],
    },
  ),
  networkPolicy: Type.Object({
    enabled: boolean(
      'Create NetworkPolicies for the Pods, except the agents, which are in the network of their host.',
      false,
    ),
    apiServerPorts: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), {
      description: 'Ports at which Pods may reach the API server.',
      default: [443, 6443],
      minItems: 1,
    }),
    metricsFrom: KubernetesList('Peers that may read the metrics. Default: all Pods of the cluster.'),
  }),
  uninstallGuard: Type.Object({
    enabled: boolean('Refuse `helm uninstall` while Servers exist.', true),
  }),
  test: Type.Object({
    timeoutSeconds: Type.Integer({
      description:
        'How long `helm test` waits for its Server. Let `helm test --timeout` (default: 5 minutes) be at least two minutes longer.',
      default: 180,
      minimum: 10,
    }),
    imagePort: Type.Integer({
      description: 'Port of the test Pod at which hosts download the disk of the test Server.',
      default: 8000,
      minimum: 1024,
      maximum: 65_535,
    }),
  }),
  extraObjects: KubernetesList('Further objects to create. Strings in them may be templates.'),
}
