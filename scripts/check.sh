#!/usr/bin/env bash
# Every gate but the tests; goes on after a failure so that one run shows all of them.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" NO_COLOR=1
failed=()

gate() { # name, command...
  local name=$1 output; shift
  if output=$("$@" 2>&1); then
    printf '  ok    %s\n' "$name"
  else
    printf '  FAIL  %s\n%s\n' "$name" "$output"
    failed+=("$name")
  fi
}

gate "style (ruff check)" ruff check .
gate "format (ruff format)" ruff format --check .
gate "types (mypy --strict)" mypy
gate "import contracts" lint-imports --no-logo
gate "sizes" python -m tools.size_gate
gate "problem codes" python -m tools.problems
gate "migrations (squawk)" python -m tools.migrations
gate "API contract (openapi.json)" python -m tools.openapi

if [ ${#failed[@]} -gt 0 ]; then printf 'check: failed: %s\n' "${failed[*]}"; exit 1; fi
echo "check: all gates passed"
