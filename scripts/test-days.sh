#!/usr/bin/env bash
# Run the whole suite with the clock at the days and hours at which calendars go wrong: the tests, the product and its
# database all live at that moment (libfaketime), scripts of a page are told it, and time goes on from there. Names of
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

installed() { compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1'; }
if ! library=$(installed); then
  echo "test-days: installing libfaketime"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libfaketime >/dev/null
  library=$(installed)
fi

if [ $# -eq 0 ]; then
  scripts/setup-node.sh
  scripts/clients.sh
  scripts/miniprogram-parts.sh
  scripts/console-parts.sh
fi
# A process that is killed leaves its part of the shared memory, and the next of its number would not start.
sweep() {
  local left
  while sleep 3; do
    for left in /dev/shm/faketime_shm_* /dev/shm/sem.faketime_sem_*; do
      [ -e "/proc/${left##*_}" ] || rm -f "$left"
    done
  done
}
sweep &
trap "kill $!" EXIT
status=0
for day in "${chosen[@]}"; do
  offset=$(($(TZ=Asia/Shanghai date -d "${moments[$day]}" +%s) - $(date +%s)))
  echo "test-days: $day, ${moments[$day]} in China"
  at() { LD_PRELOAD=$library FAKETIME=$(printf '%+d' "$offset") "$@"; }
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
