"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

EnvFile = Annotated[
    Path | None,
    typer.Option("--env-file", help="The .env file: settings and tokens.", show_default="OCA_ENV_FILE, else ./.env"),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
