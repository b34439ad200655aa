// How the console is built into dist/clients/console and tested.
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  base: '/console/',
  plugins: [vue()],
  resolve: { alias: { '@': here('./src'), '@values': here('../miniprogram/src/values') } },
  build: {
    outDir: here('../dist/clients/console'),
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the pages allows files of their own alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
  },
  test: {
    environment: 'jsdom',
    isolate: false, // a browser for each file would take ten times as long
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    server: { deps: { inline: [/tdesign/] } },
  },
})
