"""Fail when a module's coverage (lines and branches) is below the floor: `coverage_floor.py REPORT.json`."""

import json
import sys
from pathlib import Path

FLOOR_PERCENT = 85.0


def main() -> int:
    """Print every module under the floor, and the total."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    covered = {name: file["summary"]["percent_covered"] for name, file in report["files"].items()}
    low = {name: percent for name, percent in sorted(covered.items()) if percent < FLOOR_PERCENT}
    for name, percent in low.items():
        print(f"{percent:5.1f} %  {name}: below the floor of {FLOOR_PERCENT:.0f} %")
    print(f"{report['totals']['percent_covered']:5.1f} %  in all, over {len(covered)} modules")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
