/** The routes of the identity API. */
import type { Route } from '../route.ts'
import { applicationCredentialRoutes } from './application-credentials.ts'
import { directoryRoutes } from './directory.ts'
import { authCatalog, authDomains, authProjects, tokensIssue, tokensRevoke, tokensShow } from './tokens.ts'

export const identityRoutes: readonly Route[] = [
  tokensIssue,
  tokensShow,
  tokensRevoke,
  authCatalog,
  authProjects,
  authDomains,
  ...directoryRoutes,
  ...applicationCredentialRoutes,
]
