"""The energy that the kernel counts while something runs: the processor's own counters, or what a battery gives.

Linux alone. RAPL (`/sys/class/powercap`, documented in the kernel's power capping framework) counts the energy of each
processor package in microjoules, and begins again at a limit that stands beside the counter; what else the machine
needs is not in it, unless there is a zone named "psys". A battery (`/sys/class/power_supply`) tells the power of the
whole machine in microwatts while it discharges. Where neither can be read, nothing is guessed. Knows nothing about
what runs.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

SYSTEM = Path("/sys/class")
_MICRO = 1e-6


class Meter(Protocol):
    """Counts energy. Read it at least every few minutes: a counter of the kernel that begins anew twice is not told."""

    covers: str  # what is counted, in words

    def joules(self) -> float:
        """Energy since the meter was made."""
        ...


class Rapl:
    """The counters of processor packages, or of the whole platform where there is one."""

    def __init__(self, zones: list[Path], covers: str) -> None:
        """Raises OSError where the counters cannot be read."""
        self.covers = covers
        self._limits = {zone: _number(zone / "max_energy_range_uj") for zone in zones}
        self._last = {zone: _number(zone / "energy_uj") for zone in zones}
        self._sum = 0.0

    def joules(self) -> float:
        """Energy since the meter was made."""
        for zone, before in self._last.items():
            now = _number(zone / "energy_uj")
            # The counter runs from 0 to its limit, both included.
            self._sum += (now - before if now >= before else now - before + self._limits[zone] + 1) * _MICRO
            self._last[zone] = now
        return self._sum


class Battery:
    """What batteries give while they discharge: their power at each reading, for the time since the one before."""

    covers = "the whole machine, by its battery"

    def __init__(self, batteries: list[Path], clock: Callable[[], float] = time.monotonic) -> None:
        """Raises OSError where their power cannot be read."""
        self._batteries, self._clock = batteries, clock
        self._last, self._watts = clock(), self._power()
        self._sum = 0.0

    def joules(self) -> float:
        """Energy since the meter was made."""
        now, watts = self._clock(), self._power()
        self._sum += (now - self._last) * (self._watts + watts) / 2
        self._last, self._watts = now, watts
        return self._sum

    def _power(self) -> float:
        return sum(abs(_number(battery / "power_now")) for battery in self._batteries) * _MICRO


def open_meter(system: Path = SYSTEM) -> tuple[Meter | None, str]:
    """The best meter that the kernel gives, or None; and where it comes from, or why there is none."""
    supplies = [supply for supply in sorted(system.glob("power_supply/*")) if (supply / "power_now").is_file()]
    discharging = [supply for supply in supplies if _word(supply / "status") == "Discharging"]
    zones = [zone for zone in sorted(system.glob("powercap/intel-rapl:*")) if zone.name.count(":") == 1]
    try:
        if discharging:
            return Battery(discharging), Battery.covers
        platform = [zone for zone in zones if _word(zone / "name") == "psys"]
        packages = [zone for zone in zones if _word(zone / "name").startswith("package")]
        if platform or packages:
            covers = "the whole platform" if platform else "the processor alone"
            return Rapl(platform or packages, covers), f"{covers}, by RAPL"
    except PermissionError as error:
        return None, f"{error.filename} can be read by root alone"
    except (OSError, ValueError) as error:
        return None, f"what the kernel tells of energy cannot be read ({error})"
    if supplies:
        return None, "the battery is not discharging, and the kernel shows no other counter"
    return None, "the kernel shows neither RAPL counters nor a battery"


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""  # a zone or supply without it is none that is looked for
