"""What every test shares: no way to the internet, the real models prepared once, and a home with the sample office.

Models are made from the verified weights into `build/test-models` and kept there; a home of a test points to them, so
that no test waits for an export. Files whose manifest does not fit are made again by the program itself.
"""

import json
import os
import signal
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from ingest.errors import ModelError
from rag import offline
from rag.guard import switches
from rag.models.catalogue import CATALOGUE, verify
from tests.running import OFFICE, ROOT, Outcome, prepare_home, run_rag

MODELS = ROOT / "build" / "test-models"
UNGUARDED = (ROOT / "tests" / "rag" / "test_offline.py", ROOT / "tests" / "rag" / "guard")

# Fixtures of the whole run load models before the first test puts the guard up, and ONNX Runtime looks once, at its
# start, whether it may report to its maker.
switches.set_all()

# A shell's background job ignores interrupts, and so would every program that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Two slow cores must not fail a law, and a run must not depend on luck. `--hypothesis-profile thorough` searches on.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The guard's own tests come first: they start processes that must not inherit it, and it cannot be lifted."""
    items.sort(key=lambda item: not _unguarded(item.path))


def _unguarded(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in UNGUARDED)


@pytest.fixture(autouse=True)
def _offline(request: pytest.FixtureRequest) -> None:
    """Refuse internet sockets from the first ordinary test to the last, in child processes too."""
    if not _unguarded(request.path):
        offline.engage()


@pytest.fixture(autouse=True)
def _settings_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the user's own home and settings out of the tests."""
    for name in (
        "RAG_COLLECTION",
        "RAG_EMBEDDING_MODEL",
        "RAG_READER_MODEL",
        "RAG_LANGUAGE_MODEL",
        "RAG_ANSWER_THRESHOLD",
        "RAG_CHAT_HISTORY",
        "RAG_RECORD",
        "RAG_RECORD_DAYS",
        "RAG_PASSPHRASE_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "nobodys-home"))
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)  # what a command sets holds for its own test only
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


@pytest.fixture(scope="session")
def models() -> Path:
    """A folder with the real models, ready to load."""
    for entry in CATALOGUE:
        try:
            verify(entry)
        except ModelError as error:
            pytest.skip(f"a real model is missing: {error}")
    _load_embedder()
    _load_generator()
    return MODELS


@lru_cache(maxsize=1)
def _load_embedder() -> Any:
    from rag.models.embed import load_embedder

    return load_embedder(MODELS, None, lambda _: None)


@lru_cache(maxsize=1)
def _load_generator() -> Any:
    from rag.models.llama import load_generator

    return load_generator(MODELS, None, lambda _: None)


@pytest.fixture(scope="session")
def embedder(models: Path) -> Any:
    """The real all-MiniLM-L6-v2, as int8 ONNX."""
    return _load_embedder()


@pytest.fixture(scope="session")
def generator(models: Path) -> Any:
    """The real SmolLM2-135M-Instruct."""
    return _load_generator()


@pytest.fixture
def home(models: Path, tmp_path: Path) -> Path:
    """An empty home whose models are ready."""
    return prepare_home(tmp_path / "home", models)


@pytest.fixture(scope="session")
def office_home(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which `rag ingest data/office` went, with the real models. For reading only."""
    if not OFFICE.is_dir():
        pytest.skip("the sample office is missing; data/make_office.py writes it")
    home = prepare_home(tmp_path_factory.mktemp("office") / "home", models)
    outcome = run_rag("--home", str(home), "ingest", str(OFFICE), "--json")
    assert outcome.code == 3, outcome.err  # the office holds a scan and a file with a password on purpose
    (home / "ingest.json").write_text(outcome.out)
    return home


@pytest.fixture(scope="session")
def office_ingest(office_home: Path) -> dict[str, Any]:
    """What `rag ingest data/office --json` printed."""
    result: dict[str, Any] = json.loads((office_home / "ingest.json").read_text())
    return result


@pytest.fixture
def rag(home: Path) -> Callable[..., Outcome]:
    """`rag --home HOME …` in this process, on an empty home of the test's own."""
    return lambda *arguments, typed=None: run_rag("--home", str(home), *map(str, arguments), typed=typed)


@pytest.fixture
def office(office_home: Path) -> Callable[..., Outcome]:
    """`rag --home HOME …` in this process, on the sample office."""
    return lambda *arguments: run_rag("--home", str(office_home), *map(str, arguments))
