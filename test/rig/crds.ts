import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { ApiClient } from './api.ts'
import { waitUntil } from './wait-until.ts'

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  spec: { names: { kind: string } }
  status?: { conditions?: { type: string; status: string }[] }
}

const base = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/**
 * Also creates the namespace kubenova-system, which contains the Leases. Waits until the API server serves the new
 * kinds. Returns the names of the CRDs.
 */
export async function applyManifests(api: ApiClient, folder: string): Promise<string[]> {
  const system = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kubenova-system' } }
  await applyObject(api, '/api/v1/namespaces', system)
  const manifests = readManifests(folder).filter(({ kind }) => kind === 'CustomResourceDefinition')
  for (const manifest of manifests) await applyObject(api, base, manifest)
  for (const { metadata } of manifests) {
    const served = async () => {
      const { status } = await api.send<Manifest>('GET', `${base}/${metadata.name}`)
      return status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True')
    }
    await waitUntil(served, { what: `CRD ${metadata.name}` })
  }
  return manifests.map((manifest) => manifest.spec.names.kind)
}

const admission = '/apis/admissionregistration.k8s.io/v1'
const rbac = '/apis/rbac.authorization.k8s.io/v1'
const collections: Record<string, (namespace: string) => string> = {
  MutatingAdmissionPolicy: () => `${admission}/mutatingadmissionpolicies`,
  MutatingAdmissionPolicyBinding: () => `${admission}/mutatingadmissionpolicybindings`,
  ValidatingAdmissionPolicy: () => `${admission}/validatingadmissionpolicies`,
  ValidatingAdmissionPolicyBinding: () => `${admission}/validatingadmissionpolicybindings`,
  ClusterRole: () => `${rbac}/clusterroles`,
  ClusterRoleBinding: () => `${rbac}/clusterrolebindings`,
  Role: (namespace) => `${rbac}/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `${rbac}/namespaces/${namespace}/rolebindings`,
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
}

export async function applyAccessManifests(api: ApiClient, folder: string): Promise<void> {
  await Promise.all(
    readManifests(folder).map((object) => {
      const collection = collections[object.kind]
      if (collection === undefined) throw new Error(`${folder}: ${object.kind} is no admission policy, account or role`)
      return applyObject(api, collection(object.metadata.namespace ?? 'default'), object)
    }),
  )
}

function readManifests(folder: string): Manifest[] {
  return globSync('*.yaml', { cwd: folder })
    .toSorted((a, b) => a.localeCompare(b))
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

async function applyObject(api: ApiClient, path: string, object: { metadata: { name: string } }): Promise<void> {
  const query = 'fieldManager=kubenova-rig&force=true'
  await api.send('PATCH', `${path}/${object.metadata.name}?${query}`, object, 'application/apply-patch+yaml')
}
