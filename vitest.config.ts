import { defineConfig } from 'vitest/config'

// unit: tests in this process. rig: tests on a real API server or libvirtd, which test/rig starts. e2e: tests on a whole
// cloud. gitops: a whole cloud and a real Argo CD or Flux (`make gitops`). upgrade: from an earlier chart (`make
// upgrade`). chaos: a whole cloud whose processes are killed. faults: a cloud in which something is missing, or runs
// twice (a quarter of an hour; `make chaos`).
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{crds,actions,kube,controller,agent,api-shim,hooks,hack,test/conformance,test/contract,test/fakes,test/sim,test/scale}/**/*.test.ts',
            'test/{gitops,monitoring}/*.test.ts',
          ],
          exclude: ['**/*.rig.test.ts', 'node_modules'],
          // The limits are far above the time of any test, because the machine may be busy.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // By default, vitest leaves one processor unused.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'rig',
          include: [
            '{crds,actions,kube,controller,agent,api-shim,hack,test/contract,test/rig,test/fakes,test/chart,test/conformance}/**/*.rig.test.ts',
          ],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'gitops',
          include: ['test/gitops/*.gitops.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 3_600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'upgrade',
          include: ['test/chaos/upgrade/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 3_600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/chaos/faults/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
