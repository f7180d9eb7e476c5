"""The caller's end of a warm process: which commands it hands over, and what it does where nothing is warm."""

import socket
from pathlib import Path

import pytest

from rag import warm


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["ask", "Who?"], "ask"),
        (["--home", "ask", "--no-record", "search", "x"], "search"),
        (["--collection=ask", "ingest", "ask"], "ingest"),
        (["--help"], ""),
        ([], ""),
    ],
)
def test_the_command_is_the_first_word_that_no_option_owns(arguments: list[str], command: str) -> None:
    assert warm._command(arguments) == command


def test_the_home_is_found_as_the_settings_find_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rag.config import resolve

    monkeypatch.setenv("RAG_HOME", str(tmp_path / "named"))
    assert warm._home(["ask", "x"]) == resolve().home
    assert warm._home(["--home", "~/a", "ask", "x", "--home=~/b"]) == resolve(Path("~/b")).home
    assert warm._home(["ask", "--", "--home"]) == resolve().home
    monkeypatch.delenv("RAG_HOME")
    assert warm._home(["ask", "x"]) == resolve().home


def test_without_a_socket_nothing_happens(tmp_path: Path) -> None:
    assert warm.run(["--home", str(tmp_path), "ask", "Who?"]) is None
    assert list(tmp_path.iterdir()) == []


def test_a_socket_that_nobody_listens_to_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / warm.FOLDER).mkdir()
    address = tmp_path / warm.FOLDER / warm.SOCKET
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(address))
    assert warm.run(["--home", str(tmp_path), "--debug", "ask", "Who?"]) is None
    assert not address.exists()
    assert "was not used: it has ended" in capsys.readouterr().err


def test_messages_come_back_as_they_were_sent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = {"arguments": ["ask", "Wer \udcff?"], "nice": 0}
        warm.send(ours, message)
        assert warm.receive(theirs) == message
        assert warm.same_user(theirs)
        ours.close()
        assert warm.receive(theirs) is None
