import type { Flavor } from '../../../crds/index.ts'
import { ignoreGone, rethrowAsFault } from '../../state/errors.ts'
import { type MergePatch, patchNewest } from '../../state/patch-newest.ts'
import { flavors } from '../../state/stores.ts'
import type { Project } from '../caller.ts'
import type { Administrator } from './administrator.ts'

/**
 * Removes a project that is deleted from the access lists of all flavors. They name it by its namespace, which a new
 * project can get. Asks the API server, because the cache may lack a change of another replica.
 */
export async function removeFlavorAccess({ namespace }: Project, { state }: Administrator): Promise<void> {
  const { items } = await rethrowAsFault(state.shared.storeOf(flavors).api.list())
  const remove = ({ spec: { access = [] } }: Flavor): MergePatch => ({
    spec: { access: access.filter((name) => name !== namespace) },
  })
  for (const flavor of items.filter(({ spec }) => spec.access?.includes(namespace)))
    await ignoreGone(patchNewest(flavors, flavor, remove, { state }))
}
