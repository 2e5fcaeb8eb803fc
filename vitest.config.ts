import { defineConfig } from 'vitest/config'

// unit: pure or in-process, seconds. rig: needs a real API server or libvirtd (test/rig starts them). e2e: a whole cloud.
// chaos: a whole cloud whose parts are killed. faults: one that lacks something, or has two of it (a quarter of an hour; `make chaos`).
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{crds,actions,kube,controller,agent,hack,test/contract,test/fakes,test/sim,test/scale}/**/*.test.ts',
          ],
          exclude: ['**/*.rig.test.ts', 'node_modules'],
          // No measure: the machine may be busy.
          testTimeout: 60_000,
          // Vitest would leave one processor to others.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'rig',
          include: ['{crds,actions,kube,controller,agent,test/contract,test/rig,test/fakes}/**/*.rig.test.ts'],
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
