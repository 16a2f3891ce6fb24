#!/bin/sh
# Write constraints.txt anew: the newest versions that pyproject.toml allows.
# renew_constraints.sh [PYTHON]; the file stays as it was when anything fails.
set -eu
cd "$(dirname "$0")/.."

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"${1:-python3}" -m venv "$made/venv"
"$made/venv/bin/python" -m pip install --quiet --disable-pip-version-check '.[otel,postgresql]'
sed '/^[^#]/,$d' constraints.txt > "$made/constraints.txt"
"$made/venv/bin/python" -m pip --disable-pip-version-check freeze --exclude webhookd \
  | LC_ALL=C sort -f >> "$made/constraints.txt"
cat "$made/constraints.txt" > constraints.txt
