#!/usr/bin/env bash
# Judge the tests of signatures, money and refund policy by mutants; fails under 90 %. See docs/reference/mutation.md.
# mutmut works in a copy, so that mutated source never stands in this tree. CHILDREN: processes at once.
set -euo pipefail
cd "$(dirname "$0")/.."
least=90
asked=(
  'guahao.kernel.money.*'
  'guahao.payment.policy.*'
  'guahao.adapters.*'
  'guahao.booking.policy.terms.x_cancel_terms__*' # the other rules of booking move no money
  'guahao.booking.policy.terms.x_is_late_cancel__*'
)
root=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R pyproject.toml src tests "$copy"
cd "$copy"
if ! timeout 60m "$root/.venv/bin/mutmut" run --max-children "${CHILDREN:-2}" "${asked[@]}" >log 2>&1; then
  tail -n 40 log >&2
  echo "mutation: mutmut did not finish" >&2
  exit 1
fi
"$root/.venv/bin/python" "$root/tools/mutation.py" --least "$least" "${asked[@]}"
