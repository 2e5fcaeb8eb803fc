/**
 * Runs tempest's tests of the Compute API.
 * Usage: node test/conformance/tempest/run.ts [--hosts simulated|libvirt] [--tests REGEX] [--record]
 */
import { runSuites } from '../stestr/run-suites.ts'
import { tempest } from './suite.ts'

await runSuites(tempest)
