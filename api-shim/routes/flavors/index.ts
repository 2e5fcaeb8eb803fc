import type { Route } from '../route.ts'
import { flavorAccessAdd, flavorAccessList, flavorAccessRemove } from './access.ts'
import { flavorsDelete, flavorsUpdate } from './change.ts'
import { flavorsCreate } from './create.ts'
import { extraSpecsCreate, extraSpecsDelete, extraSpecsList, extraSpecsShow, extraSpecsUpdate } from './extra-specs.ts'
import { flavorsDetail, flavorsList } from './list.ts'
import { flavorsShow } from './show.ts'

export const flavorRoutes: readonly Route[] = [
  flavorsList,
  flavorsDetail,
  flavorsCreate,
  flavorsShow,
  flavorsUpdate,
  flavorsDelete,
  extraSpecsList,
  extraSpecsCreate,
  extraSpecsShow,
  extraSpecsUpdate,
  extraSpecsDelete,
  flavorAccessList,
  flavorAccessAdd,
  flavorAccessRemove,
]
