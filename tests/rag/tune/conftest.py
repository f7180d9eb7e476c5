"""A collection to learn from, for the search and for the reader."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag.store.catalog import Catalog
from tests.rag.tune.test_questions import whole


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Twenty documents; questions use other words than they do, always the same other ones."""
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as opened:
        for number in range(20):
            whole(opened, f"{number}.txt", f"Subject s{number} shall be archived by office o{number}.")
        yield opened
