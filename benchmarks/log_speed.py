"""How fast a large log is counted: `rag logs` on one file, beside drain3 alone and `grep -c` on the same file.

    python benchmarks/log_speed.py [--megabytes 200] [--drain3-megabytes 200] [--rounds 3] [--folder DIR]

The logs are made of the sample office's: its lines come again and again with other process numbers, ports, names and
request numbers each time, and with times that go on evenly over 90 days. drain3 is given the whole line, its own usual
masks, and nothing else to do. The programs take turns, round by round; the table has medians, and below it stands how
many times as fast as drain3 of the same round the log was counted.
"""

import argparse
import json
import random
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measure import BIN, MB, Run, headline, note, run, table, workspace

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "data" / "office" / "logs"
PERIOD = timedelta(days=90)
START = datetime(2026, 1, 1, tzinfo=UTC)

DRAIN3 = """
import sys
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig
config = TemplateMinerConfig()
config.masking_instructions = [
    MaskingInstruction(r"\\d{1,3}(?:\\.\\d{1,3}){3}", "IP"),
    MaskingInstruction(r"0x[0-9a-fA-F]+", "HEX"),
    MaskingInstruction(r"(?<![A-Za-z0-9])[-+]?\\d+(?![A-Za-z0-9])", "NUM"),
]
miner = TemplateMiner(config=config)
with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
    for line in file:
        miner.add_log_message(line)
print(len(miner.drain.clusters))
"""


def main() -> None:
    """Make the logs, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200, help="size of each log")
    parser.add_argument("--drain3-megabytes", type=int, default=200, help="how much of it drain3 is given")
    parser.add_argument("--rounds", type=int, default=3, help="how often each program runs")
    parser.add_argument("--folder", type=Path, help="where the logs are made; default: a temporary folder")
    arguments = parser.parse_args()
    print(headline("Speed of logs"))
    rows: list[list[str]] = []
    found: list[str] = []
    with workspace(arguments.folder) as folder:
        for name, change in (("auth.log", sshd), ("cloudtrail-2026-03.jsonl", cloudtrail)):
            log = folder / name
            make(LOGS / name, log, arguments.megabytes * MB, change)
            some = log
            if arguments.drain3_megabytes < arguments.megabytes:
                some = folder / f"some-{name}"
                make(LOGS / name, some, arguments.drain3_megabytes * MB, change)
            note(f"{name}: {log.stat().st_size / MB:.0f} MB")
            programs = {
                "rag logs": ([BIN / "rag", "--home", folder / "home", "logs", log, "--json"], log),
                "drain3 alone": ([sys.executable, "-c", DRAIN3, some], some),
                "grep -c": (["grep", "-c", "a", log], log),
            }
            done: dict[str, list[Run]] = {what: [] for what in programs}
            for number in range(arguments.rounds):
                for what, (command, _) in programs.items():
                    done[what].append(run(command).expect(0))
                    note(f"{what}, round {number + 1}: {done[what][-1].seconds:.1f} s")
            rows += [_row(name, what, given, done[what]) for what, (_, given) in programs.items()]
            sizes = log.stat().st_size / some.stat().st_size
            times = [
                sizes * theirs.seconds / ours.seconds for ours, theirs in zip(*list(done.values())[:2], strict=True)
            ]
            (entry,) = json.loads(done["rag logs"][0].stdout)["files"]
            found.append(
                f"- {name}, {entry['events']:,} events: {statistics.median(times):.2f} times as fast as drain3 alone "
                f"({', '.join(f'{factor:.2f}' for factor in times)})"
            )
    print(table(["log", "what", "MB", "seconds", "MB/s", "MB per CPU second", "peak MB"], rows))
    print("\n" + "\n".join(found))


def _row(name: str, what: str, log: Path, runs: list[Run]) -> list[str]:
    size = log.stat().st_size / MB
    seconds = statistics.median(done.seconds for done in runs)
    cpu_seconds = statistics.median(done.cpu_seconds for done in runs)
    return [
        name,
        what,
        f"{size:.0f}",
        f"{seconds:.1f}",
        f"{size / seconds:.1f}",
        f"{size / max(cpu_seconds, 0.01):.1f}",
        f"{max(done.peak for done in runs) / MB:.0f}",
    ]


def make(source: Path, log: Path, size: int, change: Callable[[str, datetime, random.Random], str]) -> None:
    """Write a log of about `size` bytes out of the lines of a small one."""
    lines = source.read_text(encoding="utf-8").splitlines()
    count = size // (sum(map(len, lines)) // len(lines) + 1)
    chance = random.Random(7)
    with log.open("w", encoding="utf-8") as file:
        file.writelines(
            change(line, START + PERIOD * (number / count), chance) + "\n"
            for number, line in zip(range(count), _again(lines), strict=False)
        )


def _again(lines: list[str]) -> Iterator[str]:
    while True:
        yield from lines


def sshd(line: str, when: datetime, chance: random.Random) -> str:
    """A line of syslog with another time, process, port and, for accounts that do not exist, another name."""
    text = f"{when:%b} {when.day:2} {when:%H:%M:%S}{line[15:]}"
    text = re.sub(r"\[\d+\]:", lambda _: f"[{chance.randrange(300, 99_999)}]:", text, count=1)
    text = re.sub(r"port \d+", lambda _: f"port {chance.randrange(1024, 65_535)}", text)
    return re.sub(r"invalid user \w+", lambda _: f"invalid user u{chance.randrange(3000)}", text)


def cloudtrail(line: str, when: datetime, chance: random.Random) -> str:
    """A CloudTrail record with another time, request and event number."""
    text = re.sub(r'"eventTime":"[^"]+"', f'"eventTime":"{when:%Y-%m-%dT%H:%M:%SZ}"', line)
    return re.sub(r'"(requestID|eventID)":"[^"]+"', lambda match: f'"{match[1]}":"{chance.getrandbits(96):x}"', text)


if __name__ == "__main__":
    main()
