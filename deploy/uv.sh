#!/usr/bin/env bash
# Run uv, which sets up everything else. Where it is missing, pip puts it into .tools/ of this folder and nowhere else.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if command -v uv >/dev/null 2>&1; then
  exec uv "$@"
fi
if [ ! -x "$root/.tools/bin/uv" ]; then
  python=$(command -v python3 || command -v python) || {
    echo "Python 3.11 or newer is needed; none was found. https://www.python.org/downloads/" >&2
    exit 1
  }
  "$python" -m pip --version >/dev/null 2>&1 || {
    echo "pip is needed to fetch uv; install it (Debian, Ubuntu: apt-get install python3-pip), or install uv itself." >&2
    exit 1
  }
  echo "Fetching uv into $root/.tools ..." >&2
  PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --target "$root/.tools" "uv>=0.8"
fi
exec "$root/.tools/bin/uv" "$@"
