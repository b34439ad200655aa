#!/usr/bin/env bash
# Make what the mini program's source needs and nobody commits: design tokens, API types, its part of TDesign.
set -euo pipefail
cd "$(dirname "$0")/../miniprogram"
node ../design/generate.js
npm run --silent types >/dev/null
node tools/vendor.js
