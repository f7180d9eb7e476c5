"""Writes a month of a Linux server's auth.log in the form of RFC 3164 (no year), with planted incidents.

Hosts, people and addresses are invented; public addresses come from the documentation ranges of RFC 5737 and RFC 3849.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from source.events import Entry, Incident, Log, assemble, days, working_moment

NAME = "auth.log"
SEED = 20260302
HOST = "lims-app01"
ADMINS = {"rkessler": "10.10.4.21", "jmbeki": "10.10.4.18", "tvance": "10.20.4.33"}
UIDS = {"sysupd": 0, "backup": 34, "rkessler": 1001, "jmbeki": 1002, "tvance": 1004, "hdale": 1017}
SCANNERS = ("192.0.2.201", "198.51.100.9", "203.0.113.118", "2001:db8:77::5")

INCIDENTS = (
    Incident(
        "AU-1",
        "Password guessing from one address, then a successful sign-in",
        "brute-force-success",
        "critical",
        "63 failed passwords from 203.0.113.45 in about ten minutes, then the same address signed in as tvance.",
    ),
    Incident(
        "AU-2",
        "Member of the laboratory obtains a root shell",
        "new-sudo-user",
        "high",
        "hdale, who had never used sudo and was refused twice, was added to the group sudo by tvance's account and "
        "opened a root shell.",
    ),
    Incident(
        "AU-3",
        "New account with uid 0",
        "uid-0-account",
        "critical",
        "The account sysupd was created with user id 0, which makes it a second root, given a password, and used from "
        "outside.",
    ),
    Incident(
        "AU-4",
        "Gap in the log: the recorder was stopped for hours at night",
        "log-gap",
        "high",
        "rsyslogd was stopped at 02:03 and started at 06:34; the jobs that run every hour are missing in between.",
    ),
    Incident(
        "AU-5",
        "One account in two places at once",
        "concurrent-logins",
        "high",
        "jmbeki was signed in from the office in Kingsmere and within minutes from a distant public address.",
    ),
)


class _Writer:
    """Collects lines; process numbers rise as they do on a real host."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)
        self.entries: list[Entry] = []

    def pid(self) -> int:
        """Return a plausible process number."""
        return self.rng.randrange(1200, 64000)

    def add(self, at: datetime, tag: str, text: str, *incidents: str) -> None:
        """Append one line; the day of the month is padded with a space, as RFC 3164 asks."""
        self.entries.append(Entry(at, f"{at:%b} {at.day:>2} {at:%H:%M:%S} {HOST} {tag}: {text}", incidents))

    def session(
        self, at: datetime, user: str, address: str, minutes: int, *incidents: str, method: str = "publickey"
    ) -> int:
        """Append sign-in, session and sign-out over SSH; return the process number of sshd."""
        pid, port, number = self.pid(), self.rng.randrange(40000, 65000), self.rng.randrange(100, 9999)
        digest = "".join(self.rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", k=43))
        key = f": ED25519 SHA256:{digest}" if method == "publickey" else ""
        tag, uid = f"sshd[{pid}]", UIDS[user]
        self.add(at, tag, f"Accepted {method} for {user} from {address} port {port} ssh2{key}", *incidents)
        opened = f"pam_unix(sshd:session): session opened for user {user}(uid={uid}) by (uid=0)"
        self.add(at, tag, opened, *incidents)
        self.add(at, "systemd-logind[811]", f"New session {number} of user {user}.", *incidents)
        end = at + timedelta(minutes=minutes, seconds=self.rng.randrange(60))
        self.add(end, tag, f"Received disconnect from {address} port {port}:11: disconnected by user", *incidents)
        self.add(end, tag, f"pam_unix(sshd:session): session closed for user {user}", *incidents)
        self.add(end, "systemd-logind[811]", f"Session {number} logged out. Waiting for processes to exit.", *incidents)
        return pid

    def sudo(self, at: datetime, user: str, terminal: int, command: str, *incidents: str, seconds: int = 1) -> None:
        """Append a command of `seconds` length run through sudo, with its session lines."""
        home = f"/home/{user}"
        self.add(at, "sudo", f"{user:>9} : TTY=pts/{terminal} ; PWD={home} ; USER=root ; COMMAND={command}", *incidents)
        opened = f"pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid={UIDS[user]})"
        self.add(at, "sudo", opened, *incidents)
        self.add(
            at + timedelta(seconds=seconds), "sudo", "pam_unix(sudo:session): session closed for user root", *incidents
        )

    def failed(self, at: datetime, user: str, address: str, *incidents: str, known: bool = True) -> None:
        """Append one failed password."""
        invalid = "" if known else "invalid user "
        port = self.rng.randrange(30000, 65000)
        self.add(
            at,
            f"sshd[{self.pid()}]",
            f"Failed password for {invalid}{user} from {address} port {port} ssh2",
            *incidents,
        )


def _normal(log: _Writer, day: datetime) -> None:
    """Regular jobs, administrators at work, backups at night, a little scanning from outside."""
    rng = log.rng
    for hour in range(24):
        at = day + timedelta(hours=hour, minutes=17, seconds=1)
        tag = f"CRON[{log.pid()}]"
        log.add(at, tag, "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
        log.add(at + timedelta(seconds=1), tag, "pam_unix(cron:session): session closed for user root")
    for hour in range(0, 24, 2):
        at = day + timedelta(hours=hour, minutes=rng.choice((10, 20, 40, 50)), seconds=1)
        tag = f"CRON[{log.pid()}]"
        log.add(at, tag, "pam_unix(cron:session): session opened for user limsjob(uid=998) by (uid=0)")
        log.add(
            at + timedelta(seconds=rng.randrange(2, 50)), tag, "pam_unix(cron:session): session closed for user limsjob"
        )
    log.session(day + timedelta(hours=1, minutes=15, seconds=rng.randrange(30)), "backup", "10.10.9.5", 38)
    if rng.random() < 0.1:
        log.add(
            day + timedelta(hours=1, minutes=14),
            f"sshd[{log.pid()}]",
            "error: kex_exchange_identification: Connection closed by remote host",
        )
    for user, address in ADMINS.items():
        if day.weekday() >= 5 and rng.random() < 0.8:
            continue
        for _ in range(rng.randrange(1, 3)):
            at = working_moment(rng, day)
            if rng.random() < 0.08:
                for offset in range(rng.randrange(1, 4)):
                    log.failed(at - timedelta(seconds=40 - 11 * offset), user, address)
            log.session(at, user, address, rng.randrange(4, 90))
            if rng.random() < 0.6:
                command = rng.choice(
                    (
                        "/usr/bin/systemctl restart lims-middleware",
                        "/usr/bin/journalctl -u lims-app --since today",
                        "/usr/bin/apt-get update",
                        "/usr/bin/tail -n 200 /var/log/lims/hl7.log",
                        "/usr/bin/systemctl status postgresql",
                    )
                )
                log.sudo(at + timedelta(seconds=rng.randrange(30, 220)), user, rng.randrange(4), command)
    for _ in range(rng.randrange(0, 5)):
        name = rng.choice(("admin", "test", "oracle", "ubnt", "postgres"))
        address = rng.choice(SCANNERS)
        at = day + timedelta(seconds=rng.randrange(86000))
        log.add(at, f"sshd[{log.pid()}]", f"Invalid user {name} from {address} port {rng.randrange(30000, 65000)}")
        log.failed(at + timedelta(seconds=2), name, address, known=False)
    if day.weekday() == 6:
        log.add(day + timedelta(hours=5, minutes=2), "systemd[1]", "Started Daily apt upgrade and clean activities.")


def _incidents(log: _Writer) -> None:
    """The five planted incidents, in order of time."""
    rng = log.rng
    attacker = "203.0.113.45"
    at = datetime(2026, 3, 11, 1, 12, 4)
    names = ("root", "admin", "svc_lims", "rkessler", "tvance")
    for turn in range(63):
        name = names[turn % len(names)] if turn < 40 else "tvance"
        log.failed(at, name, attacker, "AU-1", known=name != "admin")
        at += timedelta(seconds=rng.randrange(5, 14))
    log.session(at + timedelta(seconds=9), "tvance", attacker, 16, "AU-1", method="password")

    at = datetime(2026, 3, 13, 20, 31, 12)
    log.session(at, "hdale", "10.10.6.77", 55, method="password")
    for offset in (95, 141):
        refused = "hdale : user NOT in sudoers ; TTY=pts/3 ; PWD=/home/hdale ; USER=root ; COMMAND=/usr/bin/su -"
        log.add(at + timedelta(seconds=offset), "sudo", f"    {refused}", "AU-2")
    at += timedelta(minutes=21)
    log.sudo(at, "tvance", 1, "/usr/sbin/usermod -aG sudo hdale", "AU-2")
    log.add(at, f"usermod[{log.pid()}]", "add 'hdale' to group 'sudo'", "AU-2")
    log.sudo(at + timedelta(minutes=3), "hdale", 3, "/bin/bash", "AU-2", seconds=1260)

    at = datetime(2026, 3, 19, 23, 47, 30)
    log.sudo(at, "tvance", 0, "/usr/sbin/useradd -o -u 0 -g 0 -M -s /bin/bash sysupd", "AU-3")
    log.add(
        at + timedelta(seconds=1),
        f"useradd[{log.pid()}]",
        "new user: name=sysupd, UID=0, GID=0, home=/home/sysupd, shell=/bin/bash, from=/dev/pts/0",
        "AU-3",
    )
    log.add(
        at + timedelta(seconds=25),
        f"passwd[{log.pid()}]",
        "pam_unix(passwd:chauthtok): password changed for sysupd",
        "AU-3",
    )
    log.session(at + timedelta(minutes=9), "sysupd", "203.0.113.45", 12, "AU-3", method="password")

    log.add(datetime(2026, 3, 22, 2, 3, 44), "rsyslogd", '[origin software="rsyslogd"] exiting on signal 15.', "AU-4")
    log.add(datetime(2026, 3, 22, 6, 34, 10), "rsyslogd", '[origin software="rsyslogd"] start', "AU-4")

    at = datetime(2026, 3, 26, 10, 22, 50)
    log.session(at, "jmbeki", ADMINS["jmbeki"], 71, "AU-5")
    log.session(at + timedelta(minutes=6), "jmbeki", "198.51.100.140", 33, "AU-5", method="password")


def build() -> Log:
    """Return the month's log. While rsyslogd is stopped (incident AU-4) nothing is recorded."""
    log = _Writer()
    for day in days(datetime(2026, 3, 1), 31):
        _normal(log, day)
    stopped, started = datetime(2026, 3, 22, 2, 3, 44), datetime(2026, 3, 22, 6, 34, 10)
    end = datetime(2026, 4, 1)
    log.entries = [entry for entry in log.entries if not stopped <= entry.at <= started and entry.at < end]
    _incidents(log)
    return assemble(NAME, log.entries, INCIDENTS)
