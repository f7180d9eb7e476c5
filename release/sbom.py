"""What Strongroom is made of: an SBOM (CycloneDX 1.6, JSON) and a list of licences, of all packages and all models.

    python release/sbom.py OUT_FOLDER [--wheels FOLDER]

Packages are those of requirements.lock and requirements-models.txt with the versions there; licences are read from what
is installed. With --wheels, each package that has a wheel in the folder carries the wheel's SHA-256. Models carry the
SHA-256 of each of their files from the catalogue.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement

from ingest.ocr.engine import MODELS as OCR
from rag import __version__
from rag.models.catalogue import CATALOGUE, sha256

ROOT = Path(__file__).resolve().parent.parent
LICENCES = {
    "sqlcipher3": "Zlib AND BSD-3-Clause AND Apache-2.0",  # the module, and SQLCipher and OpenSSL inside its wheel
    "strongroom": "Apache-2.0",
    "tiktoken": "MIT",
}
"""Where a package's own metadata do not say it in a word."""
UNKNOWN = "not stated"


@dataclass(frozen=True, slots=True)
class Package:
    """One line of a lock file."""

    name: str
    version: str
    licence: str  # as the package states it; UNKNOWN if it does not, or is not installed on this machine
    when: str  # the marker: on which machines it is needed; "" on all


def main() -> None:
    """Write sbom.json and licences.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels, whose hashes are written down")
    options = parser.parse_args()
    found = list(packages())
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "sbom.json").write_text(sbom(found, hashes(options.wheels)) + "\n", encoding="utf-8")
    (options.out / "licences.md").write_text(licences(found), encoding="utf-8")
    print(f"Wrote sbom.json and licences.md to {options.out}: {len(found)} packages, {len(CATALOGUE)} models.")


def packages() -> Iterator[Package]:
    """All packages of the program, in the order of their names."""
    installed = {_normal(one.metadata["Name"]): one for one in distributions()}
    lines = [
        line.split("#")[0].strip()
        for name in ("requirements.lock", "requirements-models.txt")
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if line and line[0] not in "# "
    ]
    for one in sorted(map(Requirement, lines), key=lambda one: (_normal(one.name), str(one.specifier))):
        name = _normal(one.name)
        licence = LICENCES.get(name) or (_licence(installed[name]) if name in installed else UNKNOWN)
        yield Package(name, str(one.specifier).removeprefix("=="), licence, str(one.marker or ""))


def sbom(found: list[Package], wheels: dict[tuple[str, str], str]) -> str:
    """The SBOM as JSON."""
    bom = Bom()
    own = LicenseFactory().make_from_string(LICENCES["strongroom"])
    bom.metadata.component = Component(name="strongroom", version=__version__, type=ComponentType.APPLICATION)
    bom.metadata.component.licenses.add(own)
    for package in found:
        digest = wheels.get((package.name, package.version))
        component = Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{package.name}=={package.version}",
            purl=PackageURL("pypi", name=package.name, version=package.version),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
        )
        if package.licence != UNKNOWN:
            component.licenses.add(LicenseFactory().make_from_string(package.licence))
        bom.components.add(component)
    for name, digest, licence in _models():
        model = Component(
            name=name,
            type=ComponentType.MACHINE_LEARNING_MODEL,
            bom_ref=f"{name} {digest}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        )
        model.licenses.add(LicenseFactory().make_from_string(licence))
        bom.components.add(model)
    bom.register_dependency(bom.metadata.component, list(bom.components))
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def licences(found: list[Package]) -> str:
    """The list of licences, in Markdown."""
    lines = [
        f"# Licences of Strongroom {__version__}",
        "",
        f"Strongroom itself: {LICENCES['strongroom']}. Packages, as each states it; all of requirements.lock:",
        "",
        "| package | version | licence | only where |",
        "|---|---|---|---|",
        *(f"| {one.name} | {one.version} | {one.licence} | {one.when.replace('|', ' ')} |" for one in found),
        "",
        "Models:",
        "",
        "| file | SHA-256 | licence |",
        "|---|---|---|",
        *(f"| {name} | `{digest}` | {licence} |" for name, digest, licence in _models()),
    ]
    return "\n".join(lines) + "\n"


def hashes(folder: Path | None) -> dict[tuple[str, str], str]:
    """SHA-256 of the wheels in a folder, by package and version."""
    if folder is None:
        return {}
    found = {}
    for path in folder.glob("*.whl"):
        name, version = path.name.split("-")[:2]
        found[_normal(name), version.split("+")[0]] = sha256(path)  # torch 2.13.0+cpu is locked as 2.13.0
    return found


def _models() -> Iterator[tuple[str, str, str]]:
    """Name, SHA-256 and licence of each file of each model, those of rapidocr included."""
    for entry in CATALOGUE:
        for file, digest in entry.files.items():
            yield f"{entry.name}/{file}", digest, entry.licence
    for file, digest in OCR.items():
        yield f"rapidocr/{file}", digest, "Apache-2.0"


def _licence(package: Distribution) -> str:
    """What the package's metadata say: an SPDX expression, else a short text, else what its classifiers name."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return str(expression)
    stated = (about.get("License") or "").strip()
    if stated and "\n" not in stated and len(stated) < 80:
        return stated
    names = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or () if line.startswith("License :: ")]
    return " AND ".join(dict.fromkeys(names)) or UNKNOWN


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
