/** Projects are namespaces. The properties that a namespace does not have are in its annotations. Pure. */
import { parseJson } from '../../actions/parse-json.ts'
import type { Namespace } from '../../kube/builtin-kinds.ts'
import { DISPLAY_NAME, displayNameOf, newNameFor, suffixFrom } from '../state/names.ts'
import type { ExtraProperties, ProjectChange, ProjectDetails, ProjectDraft } from './backend.ts'
import { type Project, projectIdFromUid } from './caller.ts'
import { mergeExtra } from './extra-properties.ts'
import { isManaged, managedLabels } from './managed.ts'

const DESCRIPTION = 'compute.kubenova.io/description'
/** `false` for a disabled project. */
const ENABLED = 'compute.kubenova.io/project-enabled'
/** A JSON object. */
const EXTRA = 'compute.kubenova.io/project-extra'
/** A JSON array. */
const TAGS = 'compute.kubenova.io/project-tags'

export const projectFromNamespace = (namespace: Namespace): Project => ({
  id: projectIdFromUid(namespace.metadata.uid ?? ''),
  name: isManaged(namespace) ? displayNameOf(namespace) : namespace.metadata.name,
  namespace: namespace.metadata.name,
})

export function projectDetailsFrom(namespace: Namespace): ProjectDetails {
  const project = projectFromNamespace(namespace)
  if (!isManaged(namespace))
    return { ...project, description: '', isEnabled: true, tags: [], extra: {}, isManaged: false }
  const { annotations = {} } = namespace.metadata
  return {
    ...project,
    description: annotations[DESCRIPTION] ?? '',
    isEnabled: annotations[ENABLED] !== 'false',
    tags: parseTags(annotations[TAGS]),
    extra: parseExtra(annotations[EXTRA]),
    isManaged: true,
  }
}

/** An operator may have written another text. */
function parseTags(text = ''): string[] {
  const tags = parseJson(text)
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : []
}

function parseExtra(text = ''): ExtraProperties {
  const extra = parseJson(text)
  return typeof extra === 'object' && extra !== null && !Array.isArray(extra) ? (extra as ExtraProperties) : {}
}

/** A merge patch for the annotations: null removes one. @param old the further properties that the project has */
export function annotationsFor(change: ProjectChange, old?: ExtraProperties): Record<string, string | null> {
  const { description, isEnabled, tags } = change
  const extra = change.extra && mergeExtra(old, change.extra)
  return {
    ...(description === undefined ? {} : { [DESCRIPTION]: description === '' ? null : description }),
    ...(isEnabled === undefined ? {} : { [ENABLED]: isEnabled ? null : 'false' }),
    ...(tags === undefined ? {} : { [TAGS]: tags.length === 0 ? null : JSON.stringify(tags) }),
    ...(extra === undefined ? {} : { [EXTRA]: Object.keys(extra).length === 0 ? null : JSON.stringify(extra) }),
  }
}

/**
 * The namespace for a new project. Two projects with the same name get the same namespace, so the API server refuses
 * the second one, whichever replica of the shim creates it.
 */
export function namespaceFor(draft: ProjectDraft): Pick<Namespace, 'metadata'> {
  const name = isNamespaceName(draft.name) ? draft.name : newNameFor(draft.name, suffixFrom(draft.name))
  const annotations = Object.fromEntries(
    Object.entries({ ...annotationsFor(draft), ...(name === draft.name ? {} : { [DISPLAY_NAME]: draft.name }) }).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    ),
  )
  return { metadata: { name, labels: { ...managedLabels }, annotations } }
}

const isNamespaceName = (text: string): boolean => text.length <= 63 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text)

/** Names of namespaces that belong to the cluster. The admission policy refuses them, too. */
const reservedNames = /^(kube|kubenova|openshift)-/
export const isReservedNamespace = (name: string): boolean => reservedNames.test(name)
