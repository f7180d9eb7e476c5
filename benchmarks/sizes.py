"""What is installed, how large it is, and what for.

    python benchmarks/sizes.py
    python benchmarks/sizes.py --least 1

Sizes are of the files that each package of this environment brought, compiled bytecode included. The reason of a direct
dependency is the comment beside it in pyproject.toml; a package that no comment names is there for those that need it.
"""

import argparse
import re
import sys
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path

from measure import MB, ROOT, headline, table

MODELS = ROOT / "requirements-models.txt"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--least", type=float, default=5.0, help="MB; smaller packages are summed up")
    options = parser.parse_args()
    title = headline("Installed")
    installed = {plain(found.metadata["Name"]): found for found in distributions(path=[*sys.path])}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    default = reached(installed, [name_of(line) for line in project["dependencies"]] + models())
    told = reasons()
    sizes = {name: size(installed[name]) / MB for name in default}
    rows: list[list[object]] = []
    for name in sorted(default, key=lambda name: -sizes[name]):
        if sizes[name] >= options.least:
            rows.append(
                [
                    name,
                    f"{sizes[name]:.0f}",
                    told.get(name) or f"needed by {', '.join(needing(installed, default, name))}",
                ]
            )
    small = [name for name in default if sizes[name] < options.least]
    rows.append([f"{len(small)} smaller packages", f"{sum(sizes[name] for name in small):.0f}", ""])
    rows.append([f"all {len(default)}", f"{sum(sizes.values()):.0f}", ""])
    print(title)
    print(table(["package", "MB", "what for"], rows))


def plain(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    """The package that a requirement is of."""
    match = _NAME.match(requirement)
    assert match, requirement
    return plain(match.group())


def models() -> list[str]:
    """Packages that carry models."""
    lines = MODELS.read_text(encoding="utf-8").splitlines()
    return [name_of(line) for line in lines if line.strip() and not line.startswith(("#", "-", " "))]


def reasons() -> dict[str, str]:
    """By package: the comment beside it in pyproject.toml, and the models' one."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    found = (re.fullmatch(r'\s*"([^"]+)",\s*#\s*(.+)', line) for line in lines)
    told = {name_of(match[1]): match[2] for match in found if match}
    return told | dict.fromkeys(models(), "the default model's weights; of the package nothing else is used")


def needs(package: Distribution) -> list[str]:
    """Packages that it asks for on this system, extras left out."""
    from packaging.requirements import Requirement

    wanted = map(Requirement, package.requires or ())
    return [plain(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def reached(installed: dict[str, Distribution], first: list[str]) -> list[str]:
    """`first` and all that they need, as far as it is installed. Models' packages are installed without theirs."""
    alone, found, pending = set(models()), dict.fromkeys(first), list(first)
    while pending:
        name = pending.pop()
        if name in installed and name not in alone:
            new = [other for other in needs(installed[name]) if other not in found]
            found |= dict.fromkeys(new)
            pending += new
    return [name for name in found if name in installed]


def needing(installed: dict[str, Distribution], default: list[str], name: str) -> list[str]:
    """Which of the default packages ask for a package."""
    return sorted(other for other in default if name in needs(installed[other]) and other not in models())


def size(package: Distribution) -> int:
    """Bytes of its files."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    main()
