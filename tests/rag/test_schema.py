"""A schema is read whole, or refused with what is wrong and what is known."""

from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.schema import READY, Field, load, parse

FIELD = '[[field]]\nname = "who"\ntake = "role"\n'


def test_the_ready_schemas_are_valid() -> None:
    assert [load(name).rows for name in READY] == ["obligation", "definition", "sentence"]


def test_a_schema_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text(f'rows = "section"\n{FIELD}[[field]]\nname = "q"\nquestion = "Who signs?"\n')
    schema = load(str(path))
    assert schema.fields == (Field("who", "take", "role"), Field("q", "question", "Who signs?"))
    assert schema.asks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows = ", "not valid TOML"),
        (f'rows = "pages"\n{FIELD}', "known are obligation, definition, sentence, section, document"),
        (f"colour = 1\n{FIELD}", "unknown entry 'colour'"),
        ('rows = "sentence"', "has no [[field]]"),
        ("field = 3", "has no [[field]]"),
        ('[[field]]\ntake = "role"', "has no name"),
        (FIELD + FIELD, "two fields named 'who'"),
        ('[[field]]\nname = "x"', "needs exactly one of"),
        ('[[field]]\nname = "x"\ntake = "role"\npattern = "y"', "needs exactly one of"),
        ('[[field]]\nname = "x"\ntake = "colour"', "rows of 'sentence' know"),
        ('[[field]]\nname = "x"\ntake = "who"', "rows of 'sentence' know"),
        ('[[field]]\nname = "x"\npattern = "("', "no regular expression"),
        ('[[field]]\nname = "x"\npattern = 3', "has to be a text"),
        ('[[field]]\nname = "x"\nkind = "y"', "unknown entry 'kind'"),
        ('[[field]]\nname = "x"\nquestion = "Who?"', 'rows = "section" or "document"'),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text, "schema.toml")
    assert said in str(error.value)


def test_a_missing_schema_names_the_ready_ones() -> None:
    with pytest.raises(UsageError, match="what is ready: obligations"):
        load("nothing.toml")
