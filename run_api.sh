#!/usr/bin/env bash
# Set up what is needed and serve the API: for the account in .env, or, when none is configured, on the sandbox.
# Options go to `oca serve`: bash run_api.sh --port 8080
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$root/deploy/uv.sh" sync --quiet --project "$root" --frozen --inexact --no-dev --no-group ui
cd "$root"
bin=.venv/bin
[ -d "$bin" ] || bin=.venv/Scripts
exec "$bin/oca" serve --demo-if-unconfigured "$@"
