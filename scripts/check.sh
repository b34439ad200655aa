#!/usr/bin/env bash
# Every gate but the tests; goes on after a failure so that one run shows all of them. The backend's gates run beside
# those of the front ends and tell what they found at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH" NO_COLOR=1
told=$(mktemp -d)
trap 'rm -rf "$told"' EXIT

gate() { # name, command...
  local name=$1 output; shift
  if output=$("$@" 2>&1); then
    printf '  ok    %s\n' "$name"
  else
    printf '  FAIL  %s\n%s\n' "$name" "$output"
    printf '%s, ' "$name" >>"$told/failed"
  fi
}

strict_types() { # every part of the front ends has a tsconfig.json; the API's types are made anew first
  local project status=0 count=0
  while IFS= read -r -d '' project; do
    count=$((count + 1))
    tsc --noEmit -p "$project" || status=1
  done < <(find preview miniprogram -name node_modules -prune -o -name tsconfig.json -print0)
  vue-tsc --noEmit -p console || status=1
  [ "$count" -gt 0 ] && return "$status"
}

backend() {
  gate "style (ruff check)" ruff check .
  gate "format (ruff format)" ruff format --check .
  gate "types (mypy --strict)" mypy
  gate "import contracts" lint-imports --no-logo
  gate "sizes" python -m tools.size_gate
  gate "problem codes" python -m tools.problems
  gate "migrations (squawk)" python -m tools.migrations
  gate "API contract (openapi.json)" python -m tools.openapi
}

front_ends() {
  if scripts/setup-node.sh; then
    gate "front ends: generated parts" scripts/miniprogram-parts.sh
    gate "console: generated parts" scripts/console-parts.sh
    gate "front ends: types (tsc strict)" strict_types
    gate "front ends: style and sizes (eslint)" eslint .
    gate "front ends: format (prettier)" prettier --check --log-level warn \
      preview miniprogram console design src/guahao/web/templates/*.js src/guahao/web/templates/*.css ./*.js ./*.json .prettierrc
    gate "front ends: sheets (stylelint)" stylelint \
      'preview/**/*.{wxss,css}' 'miniprogram/src/**/*.wxss' 'console/src/**/*.css' 'src/guahao/web/templates/*.css'
    gate "front ends: templates (WXML)" node miniprogram/tools/templates.js
    gate "front ends: texts" node miniprogram/tools/texts.js
    gate "console: texts" node console/tools/texts.js
    gate "front ends: declared places (app.json)" node miniprogram/tools/declared.js
    gate "front ends: WeChat build and its sizes" node miniprogram/tools/weapp.js
  else
    printf 'front ends, ' >>"$told/failed"
  fi
}

backend >"$told/backend" 2>&1 &
front_ends
wait
cat "$told/backend"

if [ -s "$told/failed" ]; then printf 'check: failed: %s\n' "$(sed 's/, $//' "$told/failed")"; exit 1; fi
echo "check: all gates passed"
