from pathlib import Path

import pytest

from tests.adapters.token_store.scene import TEXT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(TEXT)
    return path
