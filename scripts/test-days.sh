#!/usr/bin/env bash
# Run the whole suite with the clock at the days and hours at which calendars go wrong: the tests, the product and its
# database all live at that moment (moved_clock.c), scripts of a page are told it, and time goes on from there. Names of
# days as arguments run those alone, for example `scripts/test-days.sh leap-day`; what follows `--` goes to pytest, and
# then the front ends' own tests are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE= # as test.sh does: a server that compiles everything anew starts too late for its test

# Moments in China. The year is the next that has them: people must be born and schedules planned around a real today.
year=$(TZ=Asia/Shanghai date +%Y)
next=$((year + 1))
leap=$next
until date -d "$leap-02-29" >/dev/null 2>&1; do leap=$((leap + 1)); done
declare -A moments=(
  [29th]="$next-01-29 10:00" [30th]="$next-01-30 10:00" [31st]="$next-01-31 10:00"
  [28-february]="$((leap + 1))-02-28 10:00" [leap-day]="$leap-02-29 10:00" [31-december]="$year-12-31 10:00"
  [before-midnight]="$next-03-10 23:50" [after-midnight]="$next-03-11 00:10"
)
order=(29th 30th 31st 28-february leap-day 31-december before-midnight after-midnight)

chosen=()
while [ $# -gt 0 ]; do
  case "$1" in
    --) shift; break ;;
    *) [ -n "${moments[$1]:-}" ] || { echo "test-days: there is no $1; choose of: ${order[*]}" >&2; exit 2; }
       chosen+=("$1"); shift ;;
  esac
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${order[@]}")

command -v cc >/dev/null || {
  echo "test-days: installing a C compiler"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
}
built=$(mktemp -d)
trap 'rm -r "$built"' EXIT
chmod 755 "$built" # the server's own user loads it too
cc -shared -fPIC -O2 -Wall -Wextra -Werror -o "$built/moved_clock.so" tests/moved_clock.c

if [ $# -eq 0 ]; then
  scripts/setup-node.sh
  scripts/clients.sh
  scripts/miniprogram-parts.sh
  scripts/console-parts.sh
fi
status=0
for day in "${chosen[@]}"; do
  offset=$(($(TZ=Asia/Shanghai date -d "${moments[$day]}" +%s) - $(date +%s)))
  echo "test-days: $day, ${moments[$day]} in China"
  at() { LD_PRELOAD=$built/moved_clock.so CLOCK_MOVED_S=$offset "$@"; }
  if [ $# -eq 0 ]; then
    for workspace in preview miniprogram console; do
      (cd "$workspace" && at ../node_modules/.bin/vitest run) || { status=$?; echo "test-days: $day failed in $workspace"; }
    done
    at .venv/bin/pytest -q -n 4 --ignore tests/e2e || { status=$?; echo "test-days: $day failed"; }
    at .venv/bin/pytest -q -n 2 tests/e2e || { status=$?; echo "test-days: $day failed in a journey"; }
  else
    at .venv/bin/pytest -q -n 2 "$@" || { status=$?; echo "test-days: $day failed"; }
  fi
done
exit "$status"
