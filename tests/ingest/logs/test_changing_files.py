"""A file that changes while it is read: what was counted is said, and it is one state of the file."""

from pathlib import Path

from ingest.logs.lines import Text

LINE = "2026-03-02 10:00:00 INFO started\n"


def _read(path: Path, meanwhile: object = None) -> tuple[int, list[str]]:
    with Text(path) as text:
        if callable(meanwhile):
            meanwhile()
        count = sum(1 for _ in text.lines())
        text.finish()
        return count, text.notes


def test_a_growing_file_is_counted_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(LINE * 100_000)

    def grow() -> None:
        with path.open("a") as file:
            file.write(LINE * 10)

    count, notes = _read(path, grow)
    assert count == 100_000
    assert notes == [
        f"The file grew while it was read: its first {len(LINE) * 100_000:,} bytes were counted, what came later "
        f"(so far {len(LINE) * 10} bytes) was not."
    ]


def test_a_file_that_shrinks_is_counted_as_far_as_it_went(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(LINE * 200_000)

    def cut() -> None:
        with path.open("r+") as file:
            file.truncate(len(LINE) * 50_000)

    count, notes = _read(path, cut)
    assert count <= 50_000
    assert any("shrank while it was read" in note for note in notes)


def test_a_quiet_file_has_nothing_to_say(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(LINE * 3)
    assert _read(path) == (3, [])


def test_the_digest_is_of_what_was_read(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "a.log"
    path.write_text(LINE * 100_000)
    with Text(path) as text:
        with path.open("a") as file:
            file.write("more\n")
        assert sum(1 for _ in text.lines()) == 100_000
        assert text.finish() == hashlib.sha256(LINE.encode() * 100_000).hexdigest()
