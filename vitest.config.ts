import { defineConfig } from 'vitest/config'

// unit: pure or in-process, seconds. rig: needs a real API server or libvirtd (test/rig starts them). e2e: a whole cloud.
// chaos: a whole cloud whose parts fail.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{crds,actions,kube,controller,agent,hack,test/fakes,test/sim,test/scale}/**/*.test.ts'],
          exclude: ['**/*.rig.test.ts', 'node_modules'],
        },
      },
      {
        test: {
          name: 'rig',
          include: ['{crds,actions,kube,controller,agent,test/rig,test/fakes}/**/*.rig.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
