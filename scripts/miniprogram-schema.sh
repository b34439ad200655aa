#!/usr/bin/env bash
# Let WeChat's own tool check the JSON files of dist/weapp, without a network once it is installed in var.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=var/miniprogram-ci
version=2.1.42
if ! grep -qs "\"version\": \"$version\"" "$tool/node_modules/miniprogram-ci/package.json"; then
  echo "miniprogram-schema: installing miniprogram-ci $version into $tool (276 MB)"
  mkdir -p "$tool"
  [ -f "$tool/package.json" ] || echo '{ "private": true }' >"$tool/package.json"
  npm install --prefix "$tool" --save-exact --ignore-scripts --no-audit --no-fund --loglevel=error "miniprogram-ci@$version"
fi
node miniprogram/tools/schema.js "$tool"
