#!/usr/bin/env bash
# Run the whole suite in random order, one embedded PostgreSQL for each worker. Arguments go to pytest.
# pytest answers 5 when it ran no test, so an empty run fails.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v curl >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -y -qq curl >/dev/null
fi
exec .venv/bin/pytest -n auto --maxprocesses 4 "$@"
