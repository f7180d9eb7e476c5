"""Earlier versions of a document are known by their names, and give way to the newest where both were found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.types import Chunk
from rag.types import Hit, Quote, StoredChunk
from rag.versions import asks_for_versions, in_force, newer_versions


def newest(*paths: str) -> dict[str, str]:
    found = newer_versions([("/office", path) for path in paths])
    return {old: new for (_, old), (_, new) in found.items()}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("remote-access-policy-v2.0.pdf", "remote-access-policy-v3.1.pdf"),
        ("policies/archive/Leave Policy v9.docx", "policies/Leave Policy v10.pdf"),
        ("Leave Policy (version 2).pdf", "leave_policy_version_3.pdf"),
        ("SOP 114 rev. 2.pdf", "SOP 114 rev. 2.1.pdf"),
    ],
)
def test_an_earlier_version(old: str, new: str) -> None:
    assert newest(old, new) == {old: new}


@pytest.mark.parametrize(
    "paths",
    [
        ("annual-report-2023.pdf", "annual-report-2024.pdf"),  # both hold, each for its year
        ("policy-v2.pdf", "policy-v2.docx"),  # the same version twice
        ("a/report-v1.pdf", "b/report-v2.pdf"),  # two projects
        ("v1.pdf", "v2.pdf"),  # of what?
        ("leave-policy-v1.pdf", "travel-policy-v2.pdf"),
        ("ovr 1.pdf", "ovr 2.pdf"),
    ],
)
def test_no_version_of_each_other(paths: tuple[str, ...]) -> None:
    assert newest(*paths) == {}


def test_of_many_the_newest_counts_and_roots_are_apart() -> None:
    assert newest("p-v1.pdf", "p-v2.pdf", "p-v11.pdf") == {"p-v1.pdf": "p-v11.pdf", "p-v2.pdf": "p-v11.pdf"}
    assert newer_versions([("/one", "p-v1.pdf"), ("/two", "p-v2.pdf")]) == {}


@given(st.lists(st.text(alphabet="ab-v.12/", min_size=1, max_size=12), max_size=8))
def test_the_newest_is_never_an_earlier_one(paths: list[str]) -> None:
    found = newest(*paths)
    assert not set(found.values()) & set(found)


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What did version 2.0 say about lost devices?", True),
        ("How long was it in the previous policy?", True),
        ("What has changed for contractors?", True),
        ("Which versions are there?", True),
        ("Which policy covers lost devices?", False),
        ("When must passwords be changed?", False),
        ("Who may view the recordings?", False),
    ],
)
def test_questions_about_versions(question: str, asks: bool) -> None:
    assert asks_for_versions(question) is asks


def quote(path: str, text: str, score: float) -> Quote:
    chunk = Chunk(path, 1, None, "", 0, len(text), text)
    return Quote(Hit(StoredChunk(1, chunk, "/office", path, "", False), score, 0, 0), 0, len(text), text, score)


OLD, NEW = "p-v1.pdf", "p-v2.pdf"
NEWER = {("/office", OLD): ("/office", NEW)}


def test_the_newest_version_stands_in_by_the_clause_that_is_most_alike() -> None:
    before = quote(OLD, "A lost badge must be reported within 24 hours.", 0.9)
    other = quote(NEW, "Visitors wear an orange badge and are met by their host.", 0.8)
    now = quote(NEW, "A lost badge must be reported within two hours.", 0.7)
    assert in_force([before, other, now], NEWER, 2) == ([now, other], [before])
    assert in_force([before, other, now], NEWER, 1) == ([now], [before])


def test_an_earlier_version_stays_where_the_newest_has_nothing() -> None:
    before = quote(OLD, "A lost badge must be reported within 24 hours.", 0.9)
    other = quote("q.pdf", "Visitors wear an orange badge.", 0.8)
    assert in_force([before, other], NEWER, 2) == ([before, other], [])
    assert in_force([before, other], {}, 2) == ([before, other], [])
