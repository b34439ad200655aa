#!/usr/bin/env bash
# Build the clients for browsers into dist/clients; instant, and without Node.js, when their sources are as they were.
# After a failure what was built before stays.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=dist/clients/.built

sources() { # without what is generated from them
  find preview miniprogram design \( -name node_modules -o -name tests \) -prune -o \
    -type f ! -name schema.d.ts ! -name tokens.wxss ! -name '*.md' -print0
  printf '%s\0' openapi.json package-lock.json scripts/clients.sh
}
wanted=$(sources | sort -z | xargs -0 cksum | cksum)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -f dist/clients/m/index.html ] && exit 0

scripts/setup-node.sh
echo "clients: building the mini program for browsers"
scripts/miniprogram-parts.sh
node_modules/.bin/miniprogram-preview build miniprogram/preview.config.js
node miniprogram/tools/compress.js dist/clients/m
printf '%s' "$wanted" >"$stamp"
