"""Benchmarks are run seldom and by hand: here each is at least a program that can be begun."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
IMPORTED = """
import importlib, sys
sys.path[:0] = sys.argv[1:3]
for name in sys.argv[3:]:
    importlib.import_module(name)
    print(name)
"""


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is left out")
def test_every_benchmark_can_be_begun() -> None:
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    command = [sys.executable, "-c", IMPORTED, str(BENCHMARKS), str(BENCHMARKS.parent), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == names, done.stderr
