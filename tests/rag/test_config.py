"""Settings: flag, then environment, then config.toml, then default; and a sentence for every bad value."""

from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.config import ANSWER_THRESHOLD, Remote, Settings, remember, resolve


def write(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text)


def test_defaults(tmp_path: Path) -> None:
    assert resolve(tmp_path) == Settings(tmp_path, "default", answer_threshold=ANSWER_THRESHOLD)


def test_the_flag_wins_over_the_environment_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'collection = "from-file"')
    assert resolve(tmp_path).collection == "from-file"
    monkeypatch.setenv("RAG_COLLECTION", "from-environment")
    assert resolve(tmp_path).collection == "from-environment"
    assert resolve(tmp_path, collection="from-flag").collection == "from-flag"


def test_home_comes_from_the_flag_then_the_environment_then_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "environment"))
    assert resolve().home == tmp_path / "environment"
    assert resolve(tmp_path / "flag").home == tmp_path / "flag"
    monkeypatch.delenv("RAG_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert resolve().home.name == "strongroom"


def test_an_empty_environment_variable_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "answer_threshold = 0.25")
    monkeypatch.setenv("RAG_ANSWER_THRESHOLD", "")
    assert resolve(tmp_path).answer_threshold == 0.25


def test_paths_are_absolute_and_the_users_home_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    settings = resolve(Path("~/rag"), embedding_model="models/mini", language_model="~/tiny.gguf")
    assert settings.home == tmp_path / "me" / "rag"
    assert settings.embedding_model == tmp_path / "models" / "mini"
    assert settings.language_model == tmp_path / "me" / "tiny.gguf"


def test_places_inside_the_home(tmp_path: Path) -> None:
    settings = resolve(tmp_path, collection="board")
    assert settings.models == tmp_path / "models"
    assert settings.index == tmp_path / "collections" / "board"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("collection = ", "not valid TOML"),
        ('answer_treshold = "0.4"', "unknown setting 'answer_treshold'"),
        ('answer_threshold = "high"', "answer_threshold"),
        ("answer_threshold = 1.5", "from 0 to 1"),
        ("answer_threshold = -0.1", "from 0 to 1"),
        ("answer_threshold = nan", "from 0 to 1"),
        ("answer_threshold = [0.4]", "has to be a float"),
        ('collection = ""', "no collection name"),
        ('collection = "../elsewhere"', "no collection name"),
        ('collection = "a/b"', "no collection name"),
        ('collection = ".hidden"', "no collection name"),
        ("collection = 7.5", None),
    ],
)
def test_values_in_the_file(tmp_path: Path, text: str, words: str | None) -> None:
    write(tmp_path, text)
    if words is None:
        resolve(tmp_path)
        return
    with pytest.raises(UsageError, match=words):
        resolve(tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"config\.toml"):
        resolve(tmp_path)


def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        resolve(tmp_path)


def test_a_setting_is_written_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = remember(home, "answer_threshold", 0.7)
    assert resolve(home).answer_threshold == 0.7
    path.write_text('# mine\ncollection = "legal"\nanswer_threshold=0.7 # why\n')
    remember(home, "answer_threshold", 0.81)
    assert path.read_text() == '# mine\ncollection = "legal"\nanswer_threshold = 0.81\n'
    remember(home, "language_model", 'a "quoted" name.gguf')
    assert resolve(home).language_model == Path('a "quoted" name.gguf').absolute()
    assert sorted(item.name for item in home.iterdir()) == ["config.toml"]


ALLOWED = '[network]\nhosts = ["10.0.0.5:8443", "LLM.lan:8443", "10.0.0.5:80", "[fd00::5]:443"]\n'


def test_a_model_on_an_allowed_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, f'collection = "a"\n{ALLOWED}[model]\nurl = "https://llm.lan:8443/v1/"\nname = "m"\nca = "/ca.pem"')
    settings = resolve(tmp_path)
    assert settings.hosts == ("10.0.0.5:8443", "llm.lan:8443", "10.0.0.5:80", "[fd00::5]:443")
    assert settings.remote == Remote("m", "llm.lan:8443", "/v1", encrypted=True, ca=Path("/ca.pem"))
    assert resolve(tmp_path, language_model="mine.gguf").remote is None
    monkeypatch.setenv("RAG_LANGUAGE_MODEL", "mine.gguf")
    assert resolve(tmp_path).remote is None


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://[fd00::5]", "[fd00::5]:443"), ('http://10.0.0.5"\nunencrypted = true #', "10.0.0.5:80")],
)
def test_ports_that_need_not_be_written(url: str, host: str, tmp_path: Path) -> None:
    write(tmp_path, f'{ALLOWED}[model]\nname = "m"\nurl = "{url}"')
    remote = resolve(tmp_path).remote
    assert remote is not None
    assert (remote.host, remote.path) == (host, "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("network = 1", "has to be a table"),
        ("[network]\nhost = []", "unknown setting 'host'; known are hosts"),
        ('[network]\nhosts = "10.0.0.5:80"', "has to be a list"),
        ("[network]\nhosts = [80]", "holds 80; write each as a text"),
        ('[model]\nurl = "https://10.0.0.5:8443"', "needs a url and the name"),
        (
            f'{ALLOWED}[model]\nname = "m"\nurl = "https://10.0.0.6:8443"',
            "10.0.0.6:8443 of url in .model. is not allowed",
        ),
        (f'{ALLOWED}[model]\nname = "m"\nurl = "https://10.0.0.5:8444"', "not allowed"),
        (f'{ALLOWED}[model]\nname = "m"\nurl = "http://10.0.0.5"', "not encrypted"),
        (f'{ALLOWED}[model]\nname = "m"\nurl = "ftp://10.0.0.5"', "has to be like"),
        (f'{ALLOWED}[model]\nname = "m"\nurl = "https://me:secret@10.0.0.5:8443"', "has to be like"),
        (f'{ALLOWED}[model]\nname = "m"\nurl = "https://10.0.0.5:8443/v1?a=b"', "has to be like"),
        (f'{ALLOWED}[model]\nname = 7\nurl = "https://10.0.0.5:8443"', "name in .* has to be a str"),
        (
            f'language_model = "a.gguf"\n{ALLOWED}[model]\nname = "m"\nurl = "https://10.0.0.5:8443"',
            "two language models",
        ),
    ],
)
def test_networks_that_do_not_fit(text: str, words: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    with pytest.raises(UsageError, match=words):
        resolve(tmp_path)
