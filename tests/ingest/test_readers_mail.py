import io
from email.message import EmailMessage

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.chunk import chunks
from ingest.errors import ReadError
from ingest.types import Document, FileStatus, Heading
from tests.documents import MADE, SECTION, document_of
from tests.fakes import WordTokenizer


def mail(text: str = "See attached.", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "jane@example.org", "Subject": "Report", **headers}.items():
        message[name] = value
    message.set_content(text)
    return message


def attach(message: EmailMessage, data: bytes, name: str, kind: str = "application/octet-stream") -> None:
    maintype, subtype = kind.split("/")
    message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)


def read(message: EmailMessage) -> Document:
    return document_of("a.eml", message.as_bytes())


def pdf(*pages: str) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for page in pages:
        for number, line in enumerate(page.split("\n")):
            canvas.drawString(72, 700 - 16 * number, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def test_the_headers_that_people_read_come_first() -> None:
    document = read(
        mail("Dear all,\n\nplease report.\n", From="Jäne <j@example.org>", To="all@example.org", Subject="Überfällig")
    )
    assert document.title == "Überfällig"
    assert (document.pages[0].number, document.pages[0].record, document.pages[0].title) == (None, None, "Überfällig")
    assert document.pages[0].text == (
        "From: Jäne <j@example.org>\nTo: all@example.org\nSubject: Überfällig\n\nDear all,\n\nplease report."
    )


def test_plain_text_goes_before_html_and_html_before_nothing() -> None:
    both = mail("Plain words.")
    both.add_alternative("<p>HTML words.</p>", subtype="html")
    assert "HTML" not in read(both).pages[0].text
    message = mail()
    message.set_content("<h1>Head</h1><p>HTML words.</p>", subtype="html")
    document = read(message)
    assert document.pages[0].text.endswith("Head\n\nHTML words.")
    assert document.outline == (Heading("Head", None, 1),)


def test_attachments_are_read_by_their_readers() -> None:
    message = mail()
    attach(message, pdf("Page one.", "Page two."), "report.pdf")
    attach(message, MADE["docx"](), "policy.docx")
    document = read(message)
    assert [(page.path, page.number, page.record) for page in document.pages] == [
        ("a.eml", None, None), ("a.eml", 1, "report.pdf"), ("a.eml", 2, "report.pdf"), ("a.eml", None, "policy.docx"),
    ]  # fmt: skip
    sections = {chunk.section for chunk in chunks(document, WordTokenizer()) if chunk.record == "policy.docx"}
    assert f"Incident reporting › {SECTION}" in sections


def test_equal_names_are_made_different_and_folders_are_left_out() -> None:
    message = mail()
    for text, name in ((b"a", "x.txt"), (b"b", "../x.txt"), (b"c", "C:\\x.txt"), (b"d", "no suffix")):
        attach(message, text, name, "text/plain")
    assert [page.record for page in read(message).pages[1:]] == ["x.txt", "x (2).txt", "x (3).txt", "no suffix.txt"]


def test_a_mail_in_a_mail() -> None:
    inner = mail("Inner words.", Subject="Inner")
    attach(inner, pdf("Page one."), "r.pdf")
    outer = mail(Subject="Outer")
    outer.add_attachment(inner)
    assert [(page.record, page.number) for page in read(outer).pages] == [
        (None, None), ("Inner.eml", None), ("Inner.eml › r.pdf", 1),
    ]  # fmt: skip


def test_mails_within_mails_end_with_a_note() -> None:
    message = mail("Innermost.")
    for _ in range(8):
        outer = mail()
        outer.add_attachment(message)
        message = outer
    document = read(message)
    assert len(document.pages) == 6
    assert "6 mails deep" in document.notes[0]


def test_what_cannot_be_read_is_noted_with_its_reason() -> None:
    message = mail()
    attach(message, b"MZ\x90", "setup.exe")
    attach(message, b"%PDF-1.4 broken", "broken.pdf")
    attach(message, b"", "nothing.txt")
    notes = read(message).notes
    assert notes[0] == "attachment 'setup.exe' was not read: no reader for a program"
    assert [word in note for word, note in zip(("setup.exe", "broken.pdf", "no bytes"), notes, strict=True)] == [
        True
    ] * 3


def test_pages_of_an_attachment_without_text_are_noted_and_left_out() -> None:
    message = mail()
    attach(message, pdf("Page one.", "", ""), "r.pdf")
    document = read(message)
    assert [page.number for page in document.pages] == [None, 1]
    assert "attachment 'r.pdf': pages 2, 3 without text" in " ".join(document.notes)


def test_running_headers_of_an_attachment_are_found() -> None:
    message = mail()
    attach(
        message,
        pdf(*[f"ACME Ltd - Confidential\nRule {word} applies.\nPage {n} of 4" for n, word in enumerate("abcd", 1)]),
        "r.pdf",
    )
    made = [chunk.text for chunk in chunks(read(message), WordTokenizer()) if chunk.record == "r.pdf"]
    assert [text.count("Confidential") for text in made] == [1, 0, 0, 0]


def test_logos_in_the_body_are_not_worth_a_note_each() -> None:
    message = mail("Words that say enough. " * 20)
    message.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>", filename="image001.png")
    assert read(message).notes == ()


@pytest.mark.parametrize(
    "data",
    [
        b"From: a\nSubject: =?x?b?!!!?= =?utf-8?q?=ff?=\nContent-Type: text/plain; charset=no-such\n\nwords",
        b"From: a\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n!!!!",
        b'From: a\nContent-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/plain\n\nwords',
        b"From: a\nContent-Type: multipart/mixed\n\nwords",
        b"From: a\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nwords",
        b"Subject: a\xff\xfe\n\n\xff words \x00",
    ],
)
def test_broken_mime_is_read_as_far_as_it_goes(data: bytes) -> None:
    assert document_of("a.eml", data).pages[0].text.startswith(("From: a", "Subject: a"))


@pytest.mark.parametrize(
    "data",
    [
        b"just words",
        b"".join(b'From: x\nContent-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000)),
    ],
)
def test_what_is_no_mail_is_damaged(data: bytes) -> None:
    with pytest.raises(ReadError) as raised:
        document_of("a.eml", data)
    assert raised.value.status is FileStatus.DAMAGED
