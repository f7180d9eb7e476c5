"""What comes with a release: the SBOM, the licences, and an install kit that refuses what was altered."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rag.models.catalogue import CATALOGUE, sha256

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What release/sbom.py writes."""
    folder = tmp_path_factory.mktemp("sbom")
    wheels = folder / "wheels"
    wheels.mkdir()
    (wheels / "typer-0.28.0-py3-none-any.whl").write_bytes(b"wheel")
    command = [sys.executable, "-W", "error", "release/sbom.py", str(folder), "--wheels", str(wheels)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


def test_every_package_of_the_lock_file_is_in_the_sbom_with_a_licence(written: Path) -> None:
    bom = json.loads((written / "sbom.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {tuple(line.split(" ")[0].split("==")) for line in lines if line and line[0] not in "# "}
    libraries = [one for one in bom["components"] if one["type"] == "library"]
    assert locked <= {(one["name"], one["version"]) for one in libraries}
    elsewhere = {"colorama", "httpx2-jsfetch"}  # needed on other systems only, so not installed where this runs
    assert {one["name"] for one in libraries if not one.get("licenses")} <= elsewhere


def test_every_model_is_in_the_sbom_with_hash_and_licence(written: Path) -> None:
    bom = json.loads((written / "sbom.json").read_text())
    models = {
        one["name"]: one["hashes"][0]["content"] for one in bom["components"] if one["type"] == "machine-learning-model"
    }
    wanted = {f"{entry.name}/{file}": digest for entry in CATALOGUE for file, digest in entry.files.items()}
    assert wanted.items() <= models.items()
    assert sum(name.startswith("rapidocr/") for name in models) == 3


def test_a_wheel_that_is_there_has_its_hash(written: Path) -> None:
    bom = json.loads((written / "sbom.json").read_text())
    (typer,) = [one for one in bom["components"] if one["name"] == "typer"]
    assert typer["hashes"][0]["content"] == sha256(written / "wheels" / "typer-0.28.0-py3-none-any.whl")


def test_the_licences_are_a_table(written: Path) -> None:
    text = (written / "licences.md").read_text()
    assert "| pebble | 5.2.3 | LGPL |" in text
    assert "| strongroom-reader-v3/reader.int8.onnx |" in text


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A kit without wheels: what is tested is what comes before pip."""
    folder = tmp_path / "kit"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "a-1-py3-none-any.whl").write_bytes(b"a")
    shutil.copy(ROOT / "release" / "install.py", folder)
    subprocess.run([sys.executable, "release/sums.py", str(folder)], cwd=ROOT, check=True, timeout=60)
    return folder


def check(kit: Path, *options: str) -> str:
    """What install.py says; `check_files` alone is run, so nothing is installed."""
    program = "import sys; sys.argv[0] = 'install.py'; import install; install.install = print; install.main()"
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, "env", *options], cwd=kit, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def test_a_kit_as_it_was_made(kit: Path) -> None:
    assert "2 files are as SHA256SUMS says." in check(kit)


def test_a_kit_that_was_altered(kit: Path) -> None:
    (kit / "wheels" / "a-1-py3-none-any.whl").write_bytes(b"b")
    assert "was altered or damaged" in check(kit)


def test_a_wheel_that_was_added(kit: Path) -> None:
    (kit / "wheels" / "evil-1-py3-none-any.whl").write_bytes(b"b")
    assert "is not named in SHA256SUMS" in check(kit)


def test_a_wheel_that_is_gone(kit: Path) -> None:
    (kit / "wheels" / "a-1-py3-none-any.whl").unlink()
    assert "is missing" in check(kit)


def test_a_kit_installs_without_a_network(kit: Path, tmp_path: Path) -> None:
    """pip itself, in an environment made for it; this process and what it starts can open no internet socket."""
    files = {
        "probe.py": "def main() -> None:\n    print('installed')\n",
        "probe-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: probe\nVersion: 1\nRequires-Dist: not-in-the-kit\n",
        "probe-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "probe-1.dist-info/entry_points.txt": "[console_scripts]\nprobe = probe:main\n",
    }
    files["probe-1.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    (kit / "wheels" / "a-1-py3-none-any.whl").unlink()
    with zipfile.ZipFile(kit / "wheels" / "probe-1-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    subprocess.run([sys.executable, "release/sums.py", str(kit)], cwd=ROOT, check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "install.py", str(tmp_path / "env")], cwd=kit, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    probe = subprocess.run([tmp_path / "env" / "bin" / "probe"], capture_output=True, text=True, timeout=60)
    assert probe.stdout == "installed\n"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_a_signed_kit(kit: Path, tmp_path: Path) -> None:
    for name in ("mine", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    assert "is not signed by" in check(kit, "--signed-by", str(tmp_path / "mine.pub"))
    sums = kit / "SHA256SUMS"
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(tmp_path / "mine"), "-n", "strongroom-kit", str(sums)]
    subprocess.run(command, check=True, capture_output=True)
    assert "which is signed" in check(kit, "--signed-by", str(tmp_path / "mine.pub"))
    assert "is not signed by" in check(kit, "--signed-by", str(tmp_path / "other.pub"))
    sums.write_text(sums.read_text() + "\n")
    assert "is not signed by" in check(kit, "--signed-by", str(tmp_path / "mine.pub"))
