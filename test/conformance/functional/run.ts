/**
 * Runs the functional tests for compute of openstacksdk and python-openstackclient.
 * Usage: node test/conformance/functional/run.ts [--hosts simulated|libvirt] [--tests REGEX] [--record]
 */
import { runSuites } from '../stestr/run-suites.ts'
import { functional } from './suites.ts'

await runSuites(functional)
