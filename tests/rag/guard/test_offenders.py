"""Ten offenders are planted, ten are stopped, and each is told by name."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.guard import syscalls
from tests.offenders import OFFENDERS, Offender, guarded

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(syscalls.abi() is None, reason="the kernel layer is for Linux")


@pytest.mark.parametrize("offender", OFFENDERS, ids=lambda offender: offender.name)
def test_each_is_stopped_and_reported_with_its_caller(offender: Offender) -> None:
    if "curl" in offender.code and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [sys.executable, "-c", guarded(offender)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout.splitlines()[-1].removeprefix("REPORT "))
    assert reported, f"{offender.name} was not told: {done.stderr}"
    assert any(offender.names in caller for *_, caller in reported), reported


def test_there_are_ten() -> None:
    assert len({offender.name for offender in OFFENDERS}) == 10
