import { actionsPage } from './actions.ts'
import { apiPage } from './api.ts'
import { errorsPage } from './errors.ts'
import { functionalTestsPage } from './functional.ts'
import { metricsPage } from './metrics.ts'
import { novaCommandsPage } from './nova-commands.ts'
import { openApiYaml } from './openapi.ts'
import { optionsPage } from './options.ts'
import type { Output } from './output.ts'
import { statusOwnersPage } from './status-owners.ts'
import { tempestPage } from './tempest.ts'
import { wakesPage } from './wakes.ts'

export const reference: Output = {
  folder: 'docs/reference',
  files: () => [
    { name: 'actions.md', text: actionsPage() },
    { name: 'api.md', text: apiPage() },
    { name: 'errors.md', text: errorsPage() },
    { name: 'functional-tests.md', text: functionalTestsPage() },
    { name: 'metrics.md', text: metricsPage() },
    { name: 'nova-commands.md', text: novaCommandsPage() },
    { name: 'openapi.yaml', text: openApiYaml() },
    { name: 'options.md', text: optionsPage() },
    { name: 'status-owners.md', text: statusOwnersPage() },
    { name: 'tempest.md', text: tempestPage() },
    { name: 'wakes.md', text: wakesPage() },
  ],
}
