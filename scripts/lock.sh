#!/bin/sh
# Rewrites the lock files from pyproject.toml; run by `make lock`. Hosts stay out of them.
set -eu
cd "$(dirname "$0")/.."
uv="${UV:-.venv/bin/uv}"
common="--quiet --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command 'make lock'"
eval "$uv pip compile pyproject.toml --extra all --group dev $common -o requirements/dev.lock"
eval "$uv pip compile pyproject.toml --extra demo --group build $common -c requirements/dev.lock -o requirements/demo.lock"
echo virtualenv | eval "$uv pip compile - $common -o requirements/bootstrap.lock"
