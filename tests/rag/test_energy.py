"""What the kernel counts: sums over packages, a counter that begins anew, a battery, and why there is nothing."""

from pathlib import Path

import pytest

from rag.energy import Battery, Rapl, open_meter

MICRO = 1_000_000


def zone(system: Path, number: str, name: str, joules: int) -> Path:
    folder = system / "powercap" / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    for file, text in (("name", name), ("energy_uj", joules * MICRO), ("max_energy_range_uj", 1000 * MICRO - 1)):
        (folder / file).write_text(f"{text}\n")
    return folder


def supply(system: Path, status: str, watts: int) -> Path:
    folder = system / "power_supply" / "BAT0"
    folder.mkdir(parents=True)
    (folder / "status").write_text(f"{status}\n")
    (folder / "power_now").write_text(f"{watts * MICRO}\n")
    return folder


def test_packages_add_up_and_a_counter_may_begin_anew(tmp_path: Path) -> None:
    first, second = zone(tmp_path, "0", "package-0", 990), zone(tmp_path, "1", "package-1", 5)
    zone(tmp_path, "0:0", "core", 7)
    meter, covers = open_meter(tmp_path)
    assert isinstance(meter, Rapl)
    assert covers == "the processor alone, by RAPL"
    (first / "energy_uj").write_text(str(15 * MICRO))  # 10 to the limit, and 15
    (second / "energy_uj").write_text(str(9 * MICRO))
    assert meter.joules() == pytest.approx(29)
    assert meter.joules() == pytest.approx(29)


def test_the_whole_platform_is_taken_where_it_is_counted(tmp_path: Path) -> None:
    zone(tmp_path, "0", "package-0", 1)
    platform = zone(tmp_path, "1", "psys", 1)
    meter, covers = open_meter(tmp_path)
    assert meter is not None
    assert covers == "the whole platform, by RAPL"
    (platform / "energy_uj").write_text(str(4 * MICRO))
    assert meter.joules() == pytest.approx(3)


def test_a_battery_that_discharges_tells_its_power(tmp_path: Path) -> None:
    battery = supply(tmp_path, "Discharging", 10)
    moments = iter((0.0, 2.0))
    meter = Battery([battery], lambda: next(moments))
    (battery / "power_now").write_text(str(20 * MICRO))
    assert meter.joules() == pytest.approx(30)
    assert open_meter(tmp_path)[1] == "the whole machine, by its battery"


def test_why_there_is_no_meter(tmp_path: Path) -> None:
    assert open_meter(tmp_path) == (None, "the kernel shows neither RAPL counters nor a battery")
    supply(tmp_path, "Charging", 10)
    assert open_meter(tmp_path) == (None, "the battery is not discharging, and the kernel shows no other counter")
    spoiled = zone(tmp_path, "0", "package-0", 1)
    (spoiled / "energy_uj").write_text("many\n")
    meter, why = open_meter(tmp_path)
    assert meter is None
    assert why.startswith("what the kernel tells of energy cannot be read")
