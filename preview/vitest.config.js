import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'compiler', environment: 'node', include: ['tests/compiler/*.test.js'] } },
      { test: { name: 'runtime', environment: 'jsdom', include: ['tests/{runtime,sample}/*.test.ts'] } },
    ],
  },
})
