/**
 * The label of namespaces and role bindings that were made through the identity API. Only these can be changed or
 * deleted through it; an admission policy checks the same (crds/access/identity-admin.yaml).
 */
export const MANAGED_BY = 'compute.kubenova.io/managed-by'
export const managedLabels: Readonly<Record<string, string>> = { [MANAGED_BY]: 'identity-api' }

interface Labelled {
  metadata: { labels?: Record<string, string> | undefined }
}

export const isManaged = ({ metadata }: Labelled): boolean =>
  metadata.labels?.[MANAGED_BY] === managedLabels[MANAGED_BY]
