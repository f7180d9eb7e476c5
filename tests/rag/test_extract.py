"""Every cell is an exact quotation, empty where the text has none; tables keep what they were given."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.types import Document, FileReport, FileStatus, Page
from rag.asking import asker
from rag.extract import extract, row_entry
from rag.files import File
from rag.models.reader import Reading, Spans
from rag.schema import Schema, load, parse
from rag.tables import check_suffix, to_csv, write
from tests.fakes import WordCountEmbedder

TEXT = """Document owner: Marta Quillon
1 Purpose
1.1 These rules protect patient data.
2 Duties
2.1 The line manager must report a loss within two hours on form SEC-F-07, by tele-
phone on extension 4400.
2.2 Losses above 500 pounds are told to claims@example.org by 12 January 2026.
3 Definitions
• Incident – an event that has harmed the company.
"""


def document(text: str = TEXT) -> Document:
    return Document("p.pdf", None, (Page("p.pdf", 1, text),))


def table(schema: Schema, text: str = TEXT) -> list[dict[str, str]]:
    names = [field.name for field in schema.fields]
    rows = extract(document(text), schema)
    return [dict(zip(names, (cell.value for cell in row.cells), strict=True)) for row in rows]


def own(rows: str, *fields: str) -> Schema:
    return parse(
        f'rows = "{rows}"\n' + "\n".join(f'[[field]]\nname = "f{n}"\n{f}' for n, f in enumerate(fields)), "own"
    )


def test_obligations_with_their_cells() -> None:
    assert table(load("obligations")) == [
        {
            "who": "The line manager",
            "duty": "must",
            "what": "report a loss within two hours on form SEC-F-07, by telephone on extension 4400",
            "by when": "within two hours",
            "condition": "",
        }
    ]


def test_definitions_and_facts() -> None:
    assert table(load("definitions")) == [{"term": "Incident", "meaning": "an event that has harmed the company."}]
    facts = table(load("facts"))
    assert [row["contact"] for row in facts if row["contact"]] == ["extension 4400", "claims@example.org"]
    assert [row["amount"] for row in facts if row["amount"]] == ["500 pounds"]
    assert [row["date"] for row in facts if row["date"]] == ["12 January 2026"]


def test_the_users_own_columns() -> None:
    schema = own(
        "document",
        "pattern = '[A-Z]{3}-F-[0-9]+'",
        'keyword = "document owner"',
        'heading = "purpose"',
        'take = "reference"',
    )
    (row,) = table(schema)
    assert row["f0"] == "SEC-F-07"
    assert row["f1"] == "Marta Quillon"
    assert row["f2"] == "These rules protect patient data."
    (empty,) = table(schema, "1 Nothing\n1.1 There is nothing here.")
    assert set(empty.values()) == {""}


class _Scripted:
    name, sha256 = "script", "0" * 64

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        readings = []
        for _, text in passages:
            place = text.find("patient data")
            good = place >= 0 and "protect" in question
            spans = Spans(
                np.asarray([[max(place, 0), max(place, 0) + 12]]), np.ones(1, np.float32), np.ones(1, np.float32), 0.0
            )
            readings.append(Reading(0.0, 5.0 if good else -9.0, spans))
        return readings


def test_a_question_is_answered_from_the_text_or_left_empty() -> None:
    schema = own("document", 'question = "What do these rules protect?"', 'question = "What is served for lunch?"')
    (row,) = extract(document(), schema, asker(WordCountEmbedder(), _Scripted()))
    assert [cell.value for cell in row.cells] == ["patient data", ""]


@given(st.text(alphabet="ab must.\n-1)2:", max_size=200), st.sampled_from(["obligations", "definitions", "facts"]))
def test_every_citation_is_an_exact_span(text: str, name: str) -> None:
    made = document(text)
    file = File(FileReport("p.pdf", "/f", "0" * 64, FileStatus.INDEXED, pages=1), made)
    schema = load(name)
    for row in extract(made, schema):
        for cell in row_entry(file, schema, row)["cells"].values():
            quoted = [text[cited["start"] : cited["end"]] for cited in cell["citations"]]
            assert quoted == [cited["quote"] for cited in cell["citations"]]
            assert bool(quoted) == bool(cell["value"])


def entries(text: str = TEXT) -> tuple[list[dict[str, object]], list[str]]:
    schema = load("obligations")
    file = File(FileReport("p.pdf", "/f", "0" * 64, FileStatus.INDEXED, pages=1), document(text))
    rows = [row_entry(file, schema, row) for row in extract(document(text), schema)]
    return rows, [field.name for field in schema.fields]


def test_csv_has_a_value_and_its_quotation_for_each_column() -> None:
    (line,) = csv.DictReader(io.StringIO(to_csv(*entries())))
    assert (line["page"], line["number"], line["by when"]) == ("1", "2.1", "within two hours")
    assert TEXT[int(line["by when.start"]) : int(line["by when.end"])] == line["by when.quote"] == "within two hours"
    assert line["condition.start"] == ""


def test_a_formula_is_no_formula_in_a_spreadsheet() -> None:
    (line,) = csv.DictReader(io.StringIO(to_csv(*entries("1.1 =HYPERLINK(0) staff must wear a badge."))))
    assert line["who"] == "'=HYPERLINK(0) staff"


def test_a_formula_does_not_begin_where_another_country_parts_its_columns() -> None:
    table = to_csv(*entries("1.1 Staff;=HYPERLINK(0);\t=1 must wear a badge."))
    for delimiter in ";\t":
        cells = [cell for row in csv.reader(io.StringIO(table), delimiter=delimiter) for cell in row]
        assert not [cell for cell in cells if cell.startswith("=")]


def test_files_of_other_kinds_are_refused() -> None:
    with pytest.raises(UsageError, match="ends in none of"):
        check_suffix(Path("table.docx"))


def test_parquet_keeps_values_and_offsets(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    rows, names = entries()
    write(tmp_path / "t.parquet", {"rows": rows}, names)
    (line,) = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert TEXT[line["who.start"] : line["who.end"]] == line["who.quote"] == "The line manager"
