import type { Route } from '../route.ts'
import { computeImageRoutes } from './compute.ts'
import { imagesCreate } from './create.ts'
import { documentAndMemberRoutes } from './documents.ts'
import { imagesData, imagesDownload, imagesUpload } from './file.ts'
import { imagesImport } from './import.ts'
import { imagesList, imagesShow } from './list.ts'
import { imagesDelete, imagesUpdate, imageTagsAdd, imageTagsDelete } from './update.ts'

export const imageRoutes: readonly Route[] = [
  imagesList,
  imagesShow,
  imagesCreate,
  imagesUpdate,
  imagesDelete,
  imageTagsAdd,
  imageTagsDelete,
  imagesUpload,
  imagesDownload,
  imagesData,
  imagesImport,
  ...documentAndMemberRoutes,
  ...computeImageRoutes,
]
