/** The description of a suite of Python tests that stestr runs. */
import type { ConformanceCloud } from './clouds.ts'
import type { HostKind } from './outcomes.ts'
import type { Rule } from './reasons.ts'
import type { SetName } from './results-file.ts'

/** Regular expressions for the names of tests, with tags. */
export interface Selection {
  include: string
  exclude?: string
}

export interface Suite {
  name: string
  /** The name of the Python environment, and the requirements files from which it is made. */
  environment: string
  requirements: readonly string[]
  /** The folder in which stestr searches, below the folder of the installed packages. */
  folder: string
  /** Tests that read what a guest or QEMU has written run on libvirt, all others on simulated hosts. */
  tests: Readonly<{ simulated: Selection } & Partial<Record<HostKind, Selection>>>
  /** Tests whose names match this expression up to the same point run on the same worker. */
  groupBy?: string
  workers: number
  /** @param dir the directory in which the tests run */
  env(dir: string): Record<string, string>
}

/** Suites that run on the same cloud, one after the other. */
export interface SuiteSet {
  /** The name of its folder, with the recorded outcomes. */
  name: SetName
  suites: readonly Suite[]
  rules: readonly Rule[]
  /**
   * Creates what the tests need on the cloud.
   * @returns a function that writes the configuration of the tests into the directory in which they run
   */
  seed(cloud: ConformanceCloud): Promise<(dir: string) => void>
}
