// What eslint refuses in the front ends: wrong types and promises, and what has grown too large to read.
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const small = {
  complexity: ['error', 7],
  'max-lines': ['error', { max: 400 }],
  'max-lines-per-function': ['error', { max: 40 }],
  'no-warning-comments': 'error',
}

export default defineConfig(
  globalIgnores(['**/node_modules/', 'dist/', 'var/', '.venv/', '**/schema.d.ts']),
  {
    files: ['**/*.{js,ts}'],
    extends: [tseslint.configs.strict],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...small,
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': ['error', { allow: ['warn', 'error'] }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // What a hook answers that may take its time: void | Promise<void>.
      '@typescript-eslint/no-invalid-void-type': 'off',
    },
  },
  {
    // Tools talk to a terminal.
    files: ['miniprogram/tools/**', 'preview/compiler/**', 'design/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/tests/**'],
    rules: {
      'max-lines': ['error', { max: 600 }],
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-explicit-any': 'off', // pages and answers are looked into as they are
      '@typescript-eslint/no-non-null-assertion': 'off', // what is missing fails the test
    },
  },
)
