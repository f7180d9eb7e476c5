"""Ten offenders are planted, ten are stopped, and each is told by name."""

import pytest

from rag.guard import syscalls
from tests.offenders import OFFENDERS, Offender
from tests.running import refused

pytestmark = pytest.mark.skipif(syscalls.abi() is None, reason="the kernel layer is for Linux")


@pytest.mark.parametrize("offender", OFFENDERS, ids=lambda offender: offender.name)
def test_each_is_stopped_and_reported_with_its_caller(offender: Offender) -> None:
    reported = refused(offender)
    assert reported, f"{offender.name} was not told"
    assert any(offender.names in caller for *_, caller in reported), reported


def test_there_are_ten() -> None:
    assert len({offender.name for offender in OFFENDERS}) == 10
