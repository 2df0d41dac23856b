#!/usr/bin/env bash
# Set up what is needed and run the tests. Options go to pytest: bash tests/run.sh -k token
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
exec bash deploy/uv.sh run --quiet --frozen pytest -n auto "$@"
