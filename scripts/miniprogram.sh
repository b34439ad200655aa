#!/usr/bin/env bash
# Write dist/weapp for WeChat: its developer tools open it, miniprogram-ci uploads it.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup-node.sh
scripts/miniprogram-parts.sh
node miniprogram/tools/weapp.js
