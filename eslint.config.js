// What eslint refuses in the front ends: wrong types and promises, and what has grown too large to read.
import { defineConfig, globalIgnores } from 'eslint/config'
import vue from 'eslint-plugin-vue'
import tseslint from 'typescript-eslint'

const small = {
  complexity: ['error', 7],
  'max-lines': ['error', { max: 400 }],
  'max-lines-per-function': ['error', { max: 40 }],
  'no-warning-comments': 'error',
}

const endAsClock = [
  'error',
  {
    selector:
      "CallExpression[callee.name=/^(timeText|clockText)$/][arguments.length=1] MemberExpression[property.name='ends_at']",
    message: 'What ends at midnight would read 00:00: say it with timeRange or clockRange.',
  },
]

const strict = {
  ...small,
  'no-restricted-syntax': endAsClock,
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-console': ['error', { allow: ['warn', 'error'] }],
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  // What a hook answers that may take its time: void | Promise<void>.
  '@typescript-eslint/no-invalid-void-type': 'off',
}

export default defineConfig(
  globalIgnores(['**/node_modules/', 'dist/', 'var/', '.venv/', '**/schema.d.ts']),
  {
    files: ['**/*.{js,ts}'],
    extends: [tseslint.configs.strict],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: strict,
  },
  {
    files: ['console/**/*.vue'],
    extends: [tseslint.configs.strict, vue.configs['flat/essential']],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...strict,
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/component-name-in-template-casing': ['error', 'kebab-case', { registeredComponentsOnly: false }],
      'vue/define-macros-order': 'error',
      'vue/html-button-has-type': 'error',
      'vue/multi-word-component-names': 'off', // a page is named as its address
      'vue/no-ref-object-reactivity-loss': 'error',
      'vue/no-restricted-syntax': endAsClock,
      'vue/no-static-inline-styles': 'error', // the pages' policy refuses them
      'vue/no-unused-refs': 'error',
      'vue/no-v-html': 'error',
      'vue/require-explicit-emits': 'error',
      'vue/require-typed-ref': 'error',
    },
  },
  {
    files: ['console/**/*.{ts,vue}'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'tdesign-vue-next', message: 'Import from tdesign-vue-next/es/<component>.' }],
          patterns: [
            {
              group: ['tdesign-vue-next/es/{dialog,drawer,popconfirm,guide}*'],
              message: "The pages' policy refuses its style: use components/modal-dialog.vue.",
            },
            { regex: '/miniprogram/', message: 'Of the mini program the console knows @values alone.' },
          ],
        },
      ],
    },
  },
  {
    // What the mini program and the console share knows the language only.
    files: ['miniprogram/src/values/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!\\./)', message: 'Values know each other and nothing else.' }] },
      ],
      'no-restricted-globals': ['error', 'wx', 'window', 'document'],
    },
  },
  {
    // Tools talk to a terminal.
    files: ['miniprogram/tools/**', 'console/tools/**', 'preview/compiler/**', 'design/**'],
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
