#!/usr/bin/env bash
# Run the whole suite in random order, one embedded PostgreSQL for each worker. vitest and pytest fail when they ran no
# test. Arguments go to pytest, and then the front ends' own tests are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE= # many processes are started: none compiles what another one did

# What the journeys need besides Python comes from Debian, where it is missing and may be installed.
wanted=()
command -v curl >/dev/null || wanted+=(curl)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || wanted+=(chromium)
command -v nginx >/dev/null || wanted+=(nginx-light)
command -v pg_createcluster >/dev/null || wanted+=(postgresql)
command -v logrotate >/dev/null || wanted+=(logrotate)
command -v ip >/dev/null || wanted+=(iproute2)
[ -n "$(fc-list :lang=zh-cn 2>/dev/null)" ] || wanted+=(fontconfig fonts-noto-cjk)
install() {
  command -v apt-get >/dev/null || return 1
  local as=()
  [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && as=(sudo -n); } || return 1
  echo "test: installing ${wanted[*]}"
  DEBIAN_FRONTEND=noninteractive "${as[@]}" sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "${wanted[@]}"
}
if [ ${#wanted[@]} -gt 0 ] && ! install; then
  echo "test: please install ${wanted[*]}; without a browser its journeys are skipped, and counted as such" >&2
fi

scripts/clients.sh # the journeys and the tests of the whole mini program open what it builds
if [ $# -eq 0 ]; then
  scripts/setup-node.sh
  scripts/miniprogram-parts.sh
  scripts/console-parts.sh
  for workspace in preview miniprogram console; do
    echo "test: $workspace"
    (cd "$workspace" && ../node_modules/.bin/vitest run)
  done
fi

# Tests are dealt out one by one: the other ways go by ids, and would run one of several with the same id.
tests() { .venv/bin/pytest --dist load "$@"; }
if [ $# -gt 0 ]; then
  tests -n auto --maxprocesses 4 "$@"
  exit
fi
# Most tests wait for a server more than for a processor. Journeys come by themselves: each of their processes runs
# the whole product and a browser.
status=0
tests -n $(($(nproc) < 2 ? 2 : 4)) --ignore tests/e2e || status=$?
tests -n 2 tests/e2e || status=$?
exit $status
