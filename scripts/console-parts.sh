#!/usr/bin/env bash
# Make what the console's source needs and nobody commits: design tokens and API types.
set -euo pipefail
cd "$(dirname "$0")/../console"
node ../design/generate.js
npm run --silent types >/dev/null
