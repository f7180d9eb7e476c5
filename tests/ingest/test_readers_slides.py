import contextlib

import pytest

from ingest.chunk import chunks
from ingest.errors import ReadError
from ingest.types import Document, FileStatus, Heading
from tests.documents import OFFICE, content_types, document_of, packed, relations
from tests.fakes import WordTokenizer

NAMES = (
    f'xmlns="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="{OFFICE}/relationships" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)


def p(text: str, properties: str = "") -> str:
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def shape(*paragraphs: str, place: str | None = None) -> str:
    """A shape with these paragraphs; `place` is the type of the placeholder that it fills."""
    filled = "" if place is None else f'<ph type="{place}"/>'
    return f"<sp><nvSpPr><nvPr>{filled}</nvPr></nvSpPr><txBody>{''.join(paragraphs)}</txBody></sp>"


def graphic(data: str, kind: str) -> str:
    """A frame with a table or a diagram."""
    named = f'<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/{kind}">'
    return f"<graphicFrame><a:graphic>{named}{data}</a:graphicData></a:graphic></graphicFrame>"


def slide(tree: str, kind: str = "sld", more: str = "") -> str:
    return f"<{kind} {NAMES} {more}><cSld><spTree>{tree}</spTree></cSld></{kind}>"


def slides(*trees: str, **more: str) -> Document:
    """A presentation with these slides; `more` are parts of the last slide, by the kind of their relation."""
    names = {f"slide__{number}": f"slide{number}.xml" for number in range(1, len(trees) + 1)}
    entries = "".join(f'<sldId id="25{number}" r:id="{name}"/>' for number, name in enumerate(names))
    parts = {
        "[Content_Types].xml": content_types(
            ppt__presentation="presentationml.presentation.main",
            ppt__notesSlide="presentationml.notesSlide",
            **{f"ppt__slide{number}": "presentationml.slide" for number in range(1, len(trees) + 1)},
        ),
        "_rels/.rels": relations(officeDocument="ppt/presentation.xml"),
        "ppt/presentation.xml": f"<presentation {NAMES}><sldIdLst>{entries}</sldIdLst></presentation>",
        "ppt/_rels/presentation.xml.rels": relations(**names),
        f"ppt/_rels/slide{len(trees)}.xml.rels": relations(**{kind: f"{kind}.xml" for kind in more}),
        **{f"ppt/{kind}.xml": part for kind, part in more.items()},
    }
    for tree, file in zip(trees, names.values(), strict=True):
        parts[f"ppt/{file}"] = tree if tree.startswith(("<sld", "<!")) else slide(tree)
    return document_of("a.pptx", packed(parts))


def test_the_title_comes_first_and_names_the_slide() -> None:
    document = slides(shape(p("Text")) + shape(p("Phase"), p("one"), place="ctrTitle"), shape(p("No title")))
    assert [(page.number, page.title, page.text) for page in document.pages] == [
        (1, "Phase one", "Phase one\n\nText"),
        (2, None, "No title"),
    ]
    assert document.outline == (Heading("Phase one", 1, 1),)


def test_lists_have_their_labels() -> None:
    number = '<a:pPr><a:buAutoNum type="alphaLcParenBoth"/></a:pPr>'
    body = shape(
        p("a"),
        p("b", '<a:pPr lvl="1"/>'),
        p("plain", "<a:pPr><a:buNone/></a:pPr>"),
        p("x", number),
        p("y", number),
        place="body",
    )
    assert slides(body).pages[0].text == "• a\n  • b\n\nplain\n\n(a) x\n(b) y"


def test_groups_are_opened_and_furniture_is_left_out() -> None:
    furniture = shape(p("Confidential"), place="ftr") + shape(p("7"), place="sldNum")
    tree = f"<grpSp><grpSp>{shape(p('deep'))}</grpSp></grpSp>{furniture}"
    assert slides(tree).pages[0].text == "deep"


def test_what_is_stored_in_two_ways_is_read_once() -> None:
    both = f"<mc:AlternateContent><mc:Choice>{shape(p('new'))}</mc:Choice><mc:Fallback>{shape(p('old'))}</mc:Fallback>"
    tree = f"{shape(p('one'))}<grpSp>{both}</mc:AlternateContent></grpSp>{shape(p('two'))}"
    assert slides(tree).pages[0].text == "one\n\nnew\n\ntwo"


@pytest.mark.parametrize(
    "tree",
    [
        f"<!DOCTYPE x [<!ENTITY a 'ha'>]>{slide(shape(p('&a;')))}",
        f"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>{slide(shape(p('&a;')))}",
        "<grpSp>" * 5_000 + "</grpSp>" * 5_000,
        "<sp>",
    ],
)
def test_hostile_and_broken_slides(tree: str) -> None:
    with contextlib.suppress(ReadError):
        assert slides(tree).pages[0].text == ""


def test_merged_cells_of_a_table() -> None:
    def cell(text: str, attributes: str = "") -> str:
        return f"<a:tc {attributes}><a:txBody>{p(text)}</a:txBody></a:tc>"

    rows = [
        cell("Vendor") + cell("Due") + cell("Class"),
        cell("Acme", 'rowSpan="2"') + cell("2023") + cell("A"),
        cell("", 'vMerge="1"') + cell("2024") + cell("B"),
    ]
    table = f"<a:tbl><a:tblPr firstRow='1'/>{''.join(f'<a:tr>{row}</a:tr>' for row in rows)}</a:tbl>"
    frame = graphic(table, "table")
    assert slides(frame).pages[0].text.split("\n")[1:] == [
        "Vendor: Acme | Due: 2023 | Class: A",
        "Vendor: Acme | Due: 2024 | Class: B",
    ]


def test_speakers_notes_comments_and_diagrams() -> None:
    notes = shape(p("Say hello."), place="body") + shape(p("1"), place="sldNum")
    document = slides(
        shape(p("Text")) + graphic('<relIds r:dm="diagramData"/>', "diagram"),
        diagramData=f"<dataModel {NAMES}>{p('Plan')}{p('Do')}</dataModel>",
        notesSlide=slide(notes, "notes"),
        comments="<cmLst><cm><text>Is this so?</text></cm></cmLst>",
    )
    assert document.pages[0].text == "Text\n\n• Plan\n• Do\n\nNotes:\nSay hello.\n\nComment: Is this so?"


def test_hidden_slides_are_read_and_noted() -> None:
    document = slides(slide(shape(p("Secret")), more='show="0"'))
    assert (document.pages[0].text, document.notes) == ("Secret", ("hidden slides were read too: 1",))


def test_a_slide_of_pictures_is_a_page_without_text() -> None:
    document = slides("<pic><nvPicPr><nvPr/></nvPicPr><blipFill><a:blip/></blipFill></pic>")
    assert document.pages_without_text == (1,)
    assert "1 pictures" in document.notes[0]


def test_a_presentation_without_slides_is_empty() -> None:
    with pytest.raises(ReadError, match="no slides") as raised:
        slides()
    assert raised.value.status is FileStatus.EMPTY


def test_titles_that_count_or_repeat_are_kept_and_do_not_carry_over() -> None:
    document = slides(
        *[shape(p(f"Step {n}"), place="title") + shape(p(f"Do part {n}.")) for n in range(1, 6)], shape(p("End."))
    )
    made = chunks(document, WordTokenizer())
    assert [(chunk.section, chunk.text) for chunk in made] == [
        *[(f"Step {n}", f"Step {n}\n\nDo part {n}.") for n in range(1, 6)],
        ("Step 5", "End."),
    ]
