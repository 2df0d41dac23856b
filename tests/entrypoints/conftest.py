"""The product, running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entrypoints.stack import Stack, stack


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Stack]:
    """A gateway in front of a sandbox."""
    with stack(tmp_path) as both:
        yield both
