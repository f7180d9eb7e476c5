"""Saved runs are read back as they were, paired by question, and compared only where they are the same questions."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ingest.errors import UsageError
from rag.compare import Saved, compare, read_run
from rag.eval_report import judgement, render_comparison, render_evaluation
from rag.evaluate import AUROC, MEASURES, Row, summarise
from tests.rag.test_evaluate import KNOWN, RUN, UNANSWERABLE, answer, hit, row, rows
from tests.rag.test_html import Outline
from tests.rag.test_term import HOSTILE, acts

FOUND = [hit("a.pdf", 1), hit("b.pdf", 2)]


def saved(tmp_path: Path, seen: list[Row], name: str = "run.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(summarise(seen, RUN).to_json()))
    return path


def known(count: int, **given: Any) -> list[Row]:
    return [replace(row(KNOWN, FOUND, answer(**given)), id=str(number)) for number in range(count)]


def test_a_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    seen = [row(KNOWN, FOUND, answer(True, "one hour", 0.5, ("a.pdf", 1))), row(UNANSWERABLE)]
    back = read_run(saved(tmp_path, seen))
    assert (back.run, back.name) == (RUN, "run.json")
    assert json.dumps(summarise(back.rows, back.run).to_json()) == json.dumps(summarise(seen, RUN).to_json())


@given(rows.filter(bool))
def test_a_run_and_itself_do_not_differ(seen: list[Row]) -> None:
    comparison = compare(Saved("a", RUN, tuple(seen)), Saved("b", RUN, tuple(reversed(seen))))
    for name, compared in [*comparison.measures.items(), *comparison.latency_ms.items()]:
        assert compared.first == compared.second
        assert (compared.difference.value, compared.difference.p) == (0, 1)
        assert judgement(name, compared) == "the same"
    assert comparison.settings() == {}
    assert not any(change.gained or change.lost for change in comparison.changes.values())


def test_what_got_better_and_worse(tmp_path: Path) -> None:
    before = [*known(30, text="two days", sure=0.2), row(UNANSWERABLE, (), answer(False, sure=0.5))]
    after = [*known(30, text="one hour", sure=0.9), row(UNANSWERABLE, (), answer(True, sure=0.5))]
    before[-1], after[-1] = (replace(seen, id="absent") for seen in (before[-1], after[-1]))
    comparison = compare(Saved("a", RUN, tuple(before)), Saved("b", replace(RUN, files=9), tuple(after)))
    said = {name: judgement(name, compared) for name, compared in comparison.measures.items()}
    assert (said["right"], said["wrong"], said["recall@5"], said[AUROC]) == (
        "better",
        "better",
        "the same",
        "may be chance",
    )
    assert said["unanswerable_refused"] == "may be chance", "it is one question, and for AUROC the only unanswerable"
    assert comparison.changes["answered rightly"].gained == tuple(after[:30])
    assert [seen.id for seen in comparison.changes["unanswerable, refused"].lost] == ["absent"]
    assert comparison.settings() == {"files": (2, 9)}
    printed = json.loads(json.dumps(comparison.to_json()))
    assert printed["measures"]["right"]["more_than_chance"] is True
    assert set(printed["measures"]) <= {*MEASURES, AUROC}
    assert "answered rightly" in render_comparison(comparison).lower()


def test_only_the_same_questions_are_compared() -> None:
    first = known(3)
    others = [first[:2], [*first[:2], replace(first[2], question="Another?")], [*first[:2], replace(first[2], id="x")]]
    for second in others:
        with pytest.raises(UsageError, match="not over the same questions"):
            compare(Saved("a", RUN, tuple(first)), Saved("b", RUN, tuple(second)))


def test_what_is_no_saved_run(tmp_path: Path) -> None:
    good = json.loads(saved(tmp_path, known(1)).read_text())
    broken: list[Any] = [
        "no JSON",
        "[]",
        "{}",
        "[" * 100_000,
        good | {"format": 0},
        good | {"rows": []},
        good | {"rows": [1]},
        good | {"rows": [{}]},
        good | {"rows": [good["rows"][0] | {"measures": {}}]},
        good | {"rows": [good["rows"][0] | {"confidence": "high"}]},
        good | {"run": {}},
    ]
    path = tmp_path / "broken.json"
    for text in broken:
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        with pytest.raises(UsageError, match=r"broken\.json is not a saved run"):
            read_run(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_run(tmp_path / "missing.json")


def test_pages_show_hostile_text_as_text() -> None:
    tags = "<script>alert(1)</script><img src=x onerror=y>" + HOSTILE
    hostile = [
        replace(seen, id=tags, question=tags, kind=tags, expected=tags, answer=tags)
        for seen in (row(KNOWN, [hit(tags, 1, tags)], answer(text=tags)), row(UNANSWERABLE))
    ]
    hostile[1] = replace(hostile[1], id="other")
    run = replace(RUN, questions=tags, collection=tags, embedding_model=tags, language_model=tags)
    first, second = Saved(tags, run, tuple(hostile)), Saved(tags, RUN, tuple(hostile))
    for made in (render_evaluation(summarise(hostile, run)), render_comparison(compare(first, second))):
        outline = Outline(made)
        assert {"script", "img"} & set(outline.tags) == set()
        assert tags[:20] in "".join(outline.texts)
        assert set(acts(made)) <= {"\n"}
