/** The routes of the identity API. */
import type { Route } from '../route.ts'
import { applicationCredentialRoutes } from './application-credentials.ts'
import { assignmentRoutes } from './assignments.ts'
import { directoryRoutes } from './directory.ts'
import { grantRoutes } from './grants.ts'
import { projectRoutes } from './projects.ts'
import { refusalRoutes } from './refusals.ts'
import { authCatalog, authDomains, authProjects, tokensCheck, tokensIssue, tokensRevoke, tokensShow } from './tokens.ts'
import { userRoutes } from './users.ts'

export const identityRoutes: readonly Route[] = [
  tokensIssue,
  tokensShow,
  tokensCheck,
  tokensRevoke,
  authCatalog,
  authProjects,
  authDomains,
  ...directoryRoutes,
  ...projectRoutes,
  ...userRoutes,
  ...assignmentRoutes,
  ...grantRoutes,
  ...applicationCredentialRoutes,
  ...refusalRoutes,
]
