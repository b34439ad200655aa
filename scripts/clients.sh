#!/usr/bin/env bash
# Build the clients for browsers into dist/clients; instant, and without Node.js, when their sources are as they were.
# After a failure what was built before stays.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=dist/clients/.built

sources() { # without what is generated from them
  find preview miniprogram console design \( -name node_modules -o -name tests \) -prune -o \
    -type f ! -name schema.d.ts ! -name 'tokens.*ss' ! -name chart-theme.json ! -name '*.md' -print0
  printf '%s\0' openapi.json package-lock.json scripts/clients.sh src/guahao/kernel/value/simplified.txt
}
wanted=$(sources | sort -z | xargs -0 cksum | cksum)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -f dist/clients/m/index.html ] && [ -f dist/clients/console/index.html ] && exit 0

scripts/setup-node.sh
echo "clients: building the mini program for browsers"
scripts/miniprogram-parts.sh
node_modules/.bin/miniprogram-preview build miniprogram/preview.config.js
node miniprogram/tools/compress.js dist/clients/m
echo "clients: building the console"
scripts/console-parts.sh
fresh=dist/clients/.console
node_modules/.bin/vite build console --outDir "$PWD/$fresh" --logLevel warn
node console/tools/pack.js "$fresh"
rm -rf dist/clients/console
mv "$fresh" dist/clients/console
printf '%s' "$wanted" >"$stamp"
