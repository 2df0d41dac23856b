#!/usr/bin/env bash
# Set up what is needed and open the chat page: for the account in .env, or, when none is configured, on the sandbox.
# Options go to Streamlit: bash run_ui.sh --server.port 8502
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$root/deploy/uv.sh" sync --quiet --project "$root" --frozen --inexact --no-dev
cd "$root"
bin=.venv/bin
[ -d "$bin" ] || bin=.venv/Scripts
exec "$bin/streamlit" run entrypoints/ui.py "$@"
