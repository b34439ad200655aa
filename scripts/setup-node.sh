#!/usr/bin/env bash
# Make node_modules hold what package-lock.json names; instant when it does already.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'setup-node: %s\n' "$*" >&2; exit 1; }
needed="Node.js 20.19 or newer with npm is needed for the front ends (https://nodejs.org, or Debian: apt install nodejs npm)"
command -v node >/dev/null && command -v npm >/dev/null || fail "$needed"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
  || fail "$needed; this one is $(node --version)"

# npm writes down what it installed; packages for other systems are left out of it.
is_installed() {
  node -e '
    const { readFileSync } = require("node:fs")
    const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages
    const have = packages("node_modules/.package-lock.json")
    const lacks = ([name, { link, optional, version }]) =>
      name.includes("node_modules/") && !link && have[name]?.version !== version && !(optional && !have[name])
    process.exit(Object.entries(packages("package-lock.json")).some(lacks) ? 1 : 0)' 2>/dev/null
}
is_installed && exit 0
echo "setup-node: installing the locked packages into node_modules"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
