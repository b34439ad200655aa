#!/usr/bin/env bash
# Make .venv hold exactly what requirements.lock names; instant when nothing changed since. With `production` as argument
# it is requirements-production.lock: no test tools, and no build of the package.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
lock=requirements.lock
[ "${1:-}" != production ] || lock=requirements-production.lock
stamp=.venv/.installed
wanted=$(cat "$lock" pyproject.toml | cksum)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || fail "Python 3.11 or newer is needed; point PYTHON at one, for example: make setup PYTHON=python3.12"

# uv, from the machine when it works, else from the package registry into .venv.uv. Installing with --target
# touches neither the system's Python nor the user's packages, and needs no python3-venv.
uv=uv
if ! uv --version >/dev/null 2>&1; then
  uv=.venv.uv/bin/uv
  if ! "$uv" --version >/dev/null 2>&1; then
    "$python" -m pip --version >/dev/null 2>&1 || fail "pip is needed once (Debian: apt install python3-pip)"
    echo "setup: fetching uv"
    "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
      --require-hashes --upgrade --target .venv.uv -r scripts/requirements-uv.lock
  fi
fi

echo "setup: installing the locked packages into .venv"
[ -x .venv/bin/python ] || "$uv" venv --quiet --no-python-downloads --python "$python" .venv
if [ "$lock" = requirements.lock ]; then
  "$uv" pip install --quiet --python .venv/bin/python --require-hashes -r "$lock"
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
else
  "$uv" pip sync --quiet --python .venv/bin/python --require-hashes "$lock"
  echo "$PWD/src" >"$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/guahao.pth"
  printf '#!%s\nfrom guahao.start import command\n\ncommand()\n' "$PWD/.venv/bin/python" >.venv/bin/guahao
  chmod +x .venv/bin/guahao
fi
printf '%s' "$wanted" >"$stamp"
