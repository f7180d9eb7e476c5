"""Writes a month of AWS CloudTrail records, one JSON object a line, with planted incidents.

The account, people and addresses are invented; public addresses come from the documentation ranges of RFC 5737.
"""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

from source.events import Entry, Incident, Log, assemble, days, working_moment

NAME = "cloudtrail-2026-03.jsonl"
SEED = 20260301
ACCOUNT = "111122223333"  # the account number of AWS's own documentation
REGION = "eu-west-2"
OFFICE = ("192.0.2.10", "192.0.2.11", "192.0.2.24")
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/tarnholt-audit"
CONSOLE_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:136.0) Gecko/20100101 Firefox/136.0"
CLI_AGENT = "aws-cli/2.24.18 md/awscrt#0.23.8 ua/2.1 os/linux#6.8.0 lang/python#3.12.9"
SDK_AGENT = "Boto3/1.37.4 md/Botocore#1.37.4 ua/2.0 os/linux#6.8.0-1021-aws lang/python#3.12.3"
PEOPLE = ("ops.kessler", "ops.mbeki", "ops.vance", "dev.fontaine", "dev.sorley", "audit.imre")

INCIDENTS = (
    Incident(
        "CT-1",
        "Root user signed in to the console without a second factor",
        "root-login-without-mfa",
        "critical",
        "Root may be used only by two persons with a hardware key and after an announcement; this was a Sunday night, "
        "from an address outside the company, without MFA.",
    ),
    Incident(
        "CT-2",
        "Password guessing against a console user",
        "brute-force-failed",
        "medium",
        "34 failed console sign-ins for one user from one outside address in under a quarter of an hour; none "
        "succeeded.",
    ),
    Incident(
        "CT-3",
        "Burst of refused requests: a developer's key explores the account",
        "access-denied-burst",
        "medium",
        "One key tried dozens of different calls in a few minutes from an outside address and was refused each time: "
        "reconnaissance with a stolen key.",
    ),
    Incident(
        "CT-4",
        "Access key created for another user and administrator policy attached to it",
        "privilege-escalation",
        "critical",
        "The same outside address created a key for the service user svc.lims-export and attached AdministratorAccess "
        "to it, which gives lasting full control.",
    ),
    Incident(
        "CT-5",
        "Audit trail stopped, no records for hours",
        "logging-stopped",
        "critical",
        "StopLogging hid whatever followed; there is no record until the trail was started again in the morning.",
    ),
    Incident(
        "CT-6",
        "Storage bucket with result exports opened to the public",
        "public-bucket",
        "high",
        "The block on public access was removed and a policy with Principal * set; strangers read objects until the "
        "policy was removed.",
    ),
)


class _Writer:
    """Collects records; every random choice comes from one seeded generator."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)
        self.entries: list[Entry] = []

    def identifier(self) -> str:
        """Return a version 4 UUID made by the seeded generator."""
        digits = f"{self.rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def user(self, name: str) -> dict[str, Any]:
        """Return the identity of an IAM user; the key id depends on the name alone."""
        key = random.Random(name)
        return {
            "type": "IAMUser",
            "principalId": "AIDA" + "".join(key.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=17)),
            "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
            "accountId": ACCOUNT,
            "userName": name,
        }

    def role(self, name: str, session: str) -> dict[str, Any]:
        """Return the identity of a role assumed by a service or a pipeline."""
        key = random.Random(name)
        principal = "AROA" + "".join(key.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=17))
        return {
            "type": "AssumedRole",
            "principalId": f"{principal}:{session}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}",
            "accountId": ACCOUNT,
            "userName": name,
        }

    def add(
        self,
        at: datetime,
        source: str,
        name: str,
        identity: dict[str, Any],
        address: str,
        agent: str,
        *,
        request: dict[str, Any] | None = None,
        response: dict[str, Any] | None = None,
        error: tuple[str, str] | None = None,
        read_only: bool = True,
        incidents: tuple[str, ...] = (),
        **extra: Any,
    ) -> None:
        """Append one record; `error` is (errorCode, errorMessage)."""
        record: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": extra.pop("region", REGION),
            "sourceIPAddress": address,
            "userAgent": agent,
        }
        if error:
            record["errorCode"], record["errorMessage"] = error
        record["requestParameters"] = request
        record["responseElements"] = response
        record.update(extra)
        record["eventID"] = self.identifier()
        record["readOnly"] = read_only
        record["eventType"] = "AwsConsoleSignIn" if name == "ConsoleLogin" else "AwsApiCall"
        record["managementEvent"] = source != "s3" or not name.endswith("Object")
        record["recipientAccountId"] = ACCOUNT
        self.entries.append(Entry(at, json.dumps(record, separators=(",", ":")), incidents))

    def sign_in(
        self, at: datetime, name: str, address: str, *, good: bool, mfa: bool = True, incidents: tuple[str, ...] = ()
    ) -> None:
        """Append a console sign-in of an IAM user, or of root where `name` is "root"."""
        identity = (
            {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
            if name == "root"
            else self.user(name)
        )
        self.add(
            at,
            "signin",
            "ConsoleLogin",
            identity,
            address,
            CONSOLE_AGENT,
            response={"ConsoleLogin": "Success" if good else "Failure"},
            error=None if good else ("Failed authentication", "Failed authentication"),
            read_only=False,
            incidents=incidents,
            additionalEventData={
                "LoginTo": "https://console.aws.amazon.com/console/home",
                "MFAUsed": "Yes" if mfa else "No",
            },
        )


def _people(log: _Writer, day: datetime) -> None:
    """Sign-ins and everyday calls of administrators and developers."""
    rng = log.rng
    weekend = day.weekday() >= 5
    for name in PEOPLE:
        if weekend and rng.random() < 0.85:
            continue
        start = day + timedelta(hours=7, minutes=rng.randrange(30, 150), seconds=rng.randrange(60))
        address = rng.choice(OFFICE)
        if rng.random() < 0.07:
            log.sign_in(start - timedelta(seconds=rng.randrange(20, 50)), name, address, good=False)
        log.sign_in(start, name, address, good=True)
        reading: list[tuple[str, str, dict[str, Any]]] = [
            ("ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
            ("ec2", "DescribeSecurityGroups", {"securityGroupSet": {}}),
            ("cloudwatch", "DescribeAlarms", {"maxRecords": 100}),
            ("s3", "ListBuckets", {"Host": f"s3.{REGION}.amazonaws.com"}),
            ("rds", "DescribeDBInstances", {"dBInstanceIdentifier": "lims-prod"}),
            ("iam", "ListUsers", {"maxItems": 100}),
            ("logs", "FilterLogEvents", {"logGroupName": "/tarnholt/portal", "limit": 200}),
            ("guardduty", "ListFindings", {"detectorId": "d2c1f0a94b7e"}),
        ]
        for _ in range(rng.randrange(2, 6)):
            at = max(working_moment(rng, day), start + timedelta(seconds=30))
            source, event, request = rng.choice(reading)
            refused = name.startswith(("dev", "audit")) and rng.random() < 0.05
            log.add(
                at,
                source,
                event,
                log.user(name),
                address,
                CLI_AGENT if name.startswith("dev") else CONSOLE_AGENT,
                request=request,
                error=(
                    "AccessDenied",
                    f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: {source}:{event}",
                )
                if refused
                else None,
            )
        if name.startswith("ops") and rng.random() < 0.3:
            instance = f"i-0{rng.getrandbits(60):015x}"
            event = rng.choice(("StartInstances", "StopInstances", "CreateTags", "ModifyInstanceAttribute"))
            log.add(
                start + timedelta(minutes=rng.randrange(30, 300)),
                "ec2",
                event,
                log.user(name),
                address,
                CONSOLE_AGENT,
                request={"instancesSet": {"items": [{"instanceId": instance}]}},
                response={"requestId": log.identifier(), "_return": True},
                read_only=False,
            )


def _services(log: _Writer, day: datetime) -> None:
    """Backups, exports, deployments and secrets: the machine's own rhythm."""
    rng = log.rng
    backup = log.role("backup-nightly", "snapshot")
    for hour in range(0, 24, 3):
        at = day + timedelta(hours=hour, minutes=5, seconds=rng.randrange(40))
        log.add(
            at,
            "rds",
            "CreateDBSnapshot",
            backup,
            "10.40.2.15",
            SDK_AGENT,
            request={"dBInstanceIdentifier": "lims-prod", "dBSnapshotIdentifier": f"lims-{at:%Y%m%d-%H%M}"},
            response={"status": "creating", "allocatedStorage": 900, "encrypted": True},
            read_only=False,
        )
    for part in range(rng.randrange(9, 13)):
        at = day + timedelta(hours=1, minutes=30 + 2 * part, seconds=rng.randrange(60))
        slow = rng.random() < 0.04
        log.add(
            at,
            "s3",
            "PutObject",
            backup,
            "10.40.2.15",
            SDK_AGENT,
            request={"bucketName": "tarnholt-backup-gold", "key": f"full/{day:%Y-%m-%d}/part-{part:03d}.zst.enc"},
            error=("SlowDown", "Please reduce your request rate.") if slow else None,
            read_only=False,
        )
    for _ in range(rng.randrange(8, 14)):
        at = working_moment(rng, day)
        missing = rng.random() < 0.05
        log.add(
            at,
            "s3",
            "GetObject",
            log.role("results-portal", "web"),
            "10.40.7.31",
            SDK_AGENT,
            request={"bucketName": "tarnholt-results", "key": f"reports/{day:%Y/%m}/{rng.randrange(10**7, 10**8)}.pdf"},
            error=("NoSuchKey", "The specified key does not exist.") if missing else None,
        )
    for hour in (6, 14, 22):
        log.add(
            day + timedelta(hours=hour, minutes=rng.randrange(3), seconds=rng.randrange(60)),
            "secretsmanager",
            "GetSecretValue",
            log.role("lims-middleware", "hl7"),
            "10.40.5.8",
            SDK_AGENT,
            request={"secretId": "lims/prod/db"},
        )
    if day.weekday() < 4 and rng.random() < 0.6:
        at = day + timedelta(hours=rng.randrange(10, 16), minutes=rng.randrange(60))
        log.add(
            at,
            "lambda",
            "UpdateFunctionCode20150331v2",
            log.role("deploy-pipeline", f"release-{day:%m%d}"),
            "10.40.9.2",
            SDK_AGENT,
            request={"functionName": "portal-notify", "publish": True},
            response={"functionName": "portal-notify", "version": str(100 + day.day)},
            read_only=False,
        )


def _incidents(log: _Writer) -> None:
    """The six planted incidents, in order of time."""
    rng = log.rng
    at = datetime(2026, 3, 8, 2, 14, 9)
    log.sign_in(at, "root", "203.0.113.77", good=True, mfa=False, incidents=("CT-1",))
    root = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    looks = (("iam", "GetAccountSummary"), ("iam", "ListAccessKeys"), ("ce", "GetCostAndUsage"))
    for offset, (source, event) in enumerate(looks):
        log.add(
            at + timedelta(seconds=41 + 37 * offset),
            source,
            event,
            root,
            "203.0.113.77",
            CONSOLE_AGENT,
            incidents=("CT-1",),
        )

    at = datetime(2026, 3, 12, 4, 40, 2)
    for _ in range(34):
        log.sign_in(at, "ops.mbeki", "198.51.100.66", good=False, mfa=False, incidents=("CT-2",))
        at += timedelta(seconds=rng.randrange(11, 32))

    thief = "198.51.100.23"
    agent = "python-requests/2.32.3"
    calls = [
        ("iam", "ListRoles"),
        ("iam", "GetAccountAuthorizationDetails"),
        ("iam", "ListPolicies"),
        ("s3", "GetBucketPolicy"),
        ("s3", "GetBucketAcl"),
        ("ec2", "DescribeSnapshots"),
        ("rds", "DescribeDBSnapshots"),
        ("secretsmanager", "ListSecrets"),
        ("kms", "ListKeys"),
        ("ssm", "DescribeParameters"),
        ("lambda", "ListFunctions20150331"),
        ("organizations", "DescribeOrganization"),
        ("dynamodb", "ListTables"),
        ("sts", "GetFederationToken"),
    ]
    at = datetime(2026, 3, 17, 2, 31, 5)
    for turn in range(46):
        source, event = calls[turn % len(calls)]
        log.add(
            at,
            source,
            event,
            log.user("dev.fontaine"),
            thief,
            agent,
            error=(
                "AccessDenied",
                f"User: arn:aws:iam::{ACCOUNT}:user/dev.fontaine is not authorized to perform: {source}:{event} "
                "because no identity-based policy allows the action",
            ),
            region=rng.choice((REGION, "eu-west-1", "us-east-1")),
            incidents=("CT-3",),
        )
        at += timedelta(seconds=rng.randrange(2, 7))
    at = datetime(2026, 3, 17, 2, 52, 40)
    log.add(
        at,
        "iam",
        "CreateAccessKey",
        log.user("dev.fontaine"),
        thief,
        agent,
        request={"userName": "svc.lims-export"},
        response={
            "accessKey": {
                "userName": "svc.lims-export",
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                "status": "Active",
                "createDate": "Mar 17, 2026, 2:52:40 AM",
            }
        },
        read_only=False,
        region="us-east-1",
        incidents=("CT-4",),
    )
    log.add(
        at + timedelta(seconds=48),
        "iam",
        "AttachUserPolicy",
        log.user("dev.fontaine"),
        thief,
        agent,
        request={"userName": "svc.lims-export", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        read_only=False,
        region="us-east-1",
        incidents=("CT-4",),
    )
    log.add(
        datetime(2026, 3, 17, 3, 2, 11),
        "cloudtrail",
        "StopLogging",
        log.user("svc.lims-export"),
        thief,
        agent,
        request={"name": TRAIL},
        read_only=False,
        incidents=("CT-5",),
    )
    log.add(
        datetime(2026, 3, 17, 7, 41, 30),
        "cloudtrail",
        "StartLogging",
        log.user("ops.kessler"),
        OFFICE[0],
        CONSOLE_AGENT,
        request={"name": TRAIL},
        read_only=False,
        incidents=("CT-5",),
    )

    at = datetime(2026, 3, 24, 14, 6, 3)
    bucket = "tarnholt-result-exports"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "share",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
        ],
    }
    steps: list[tuple[int, str, dict[str, Any]]] = [
        (0, "DeleteBucketPublicAccessBlock", {"bucketName": bucket}),
        (35, "PutBucketPolicy", {"bucketName": bucket, "bucketPolicy": policy}),
        (3120, "DeleteBucketPolicy", {"bucketName": bucket}),
    ]
    for seconds, event, request in steps:
        log.add(
            at + timedelta(seconds=seconds),
            "s3",
            event,
            log.user("ops.vance"),
            OFFICE[2],
            CONSOLE_AGENT,
            request=request,
            read_only=False,
            incidents=("CT-6",),
        )
    stranger = {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    for _ in range(27):
        log.add(
            at + timedelta(seconds=rng.randrange(600, 3060)),
            "s3",
            "GetObject",
            stranger,
            "203.0.113.190",
            "curl/8.5.0",
            request={"bucketName": bucket, "key": f"2026-03/export-{rng.randrange(1000, 9999)}.csv"},
            incidents=("CT-6",),
        )


def build() -> Log:
    """Return the month's log. While the trail is stopped (incident CT-5) nothing is recorded."""
    log = _Writer()
    for day in days(datetime(2026, 3, 1), 31):
        _people(log, day)
        _services(log, day)
    stopped, started = datetime(2026, 3, 17, 3, 2, 11), datetime(2026, 3, 17, 7, 41, 30)
    log.entries = [entry for entry in log.entries if not stopped <= entry.at <= started]
    _incidents(log)
    return assemble(NAME, log.entries, INCIDENTS)
