"""A catalog with a few logs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.logs.indexing import index
from ingest.types import FileReport, FileStatus, SourceFile
from ingest.work import sha256
from rag.store.catalog import Catalog

Add = Callable[[str, str], None]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """An empty one."""
    return Catalog(tmp_path / "catalog.sqlite", create=True)


@pytest.fixture
def add(catalog: Catalog, tmp_path: Path) -> Add:
    """Indexes a log of this name and text."""

    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.write_bytes(text.encode())
        log = index(path, name)
        digest = sha256(SourceFile(tmp_path, name))
        report = FileReport(name, str(tmp_path), digest, FileStatus.INDEXED, lines=log.lines, events=log.events)
        catalog.put_log(report, log)

    return put
