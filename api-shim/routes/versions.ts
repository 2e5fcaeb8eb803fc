/** GET /versions/{version_id}, below a version. The documents of the root are in server.ts. */
import { newNotFound } from '../http/fault.ts'
import { renderVersion } from '../http/version-documents.ts'
import { defineRoute } from './route.ts'

export const versionsShow = defineRoute<null>({
  name: 'versions:show',
  method: 'GET',
  path: '/versions/{version_id}',
  success: 200,
  policy: { rule: 'os_compute_api:versions', role: 'any' },
  async handle({ params, links }) {
    // As in Nova, the links stay below the version of the request.
    const [path = ''] = links
      .self('')
      .slice(links.root.length + 1)
      .split('/')
    const body = renderVersion(links.root, params['version_id'] ?? '', path)
    if (!body) throw newNotFound()
    return { body }
  },
})
