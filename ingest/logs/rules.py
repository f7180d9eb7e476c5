"""What single events mean to an auditor: a table of rules, one row each.

A rule looks at the words of an action ("DeleteTrail" is "delete", "trail"), which most services share, and where words
do not suffice at the whole record. It knows no company's names. What failed or was denied is an attempt, and counts one
step less. The severities follow one question: what does it cost not to look at this today?
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from ingest.logs.events import Event, Outcome

_OFF = frozenset(
    "stop stopped delete deleted disable disabled remove removed suspend suspended pause paused deactivate deactivated "
    "destroy destroyed purge purged clear cleared truncate off detach disassociate terminate revoke uninstall wipe "
    "archive archived dismiss silence mute unenroll bypass bypassed".split()
)
_CHANGE = frozenset(
    "put update updated set modify modified change changed edit edited patch patched replace alter configure "
    "associate enable enabled authorize create created add added insert apply register write activate".split()
)
_GIVE = frozenset(
    "attach attached put add added assign assigned grant granted create created set update updated patch bind bound "
    "elevate promote promoted change changed make upsert insert modify modified edit write".split()
)
_NEW = frozenset("create created generate generated issue issued add added new upload import register invite".split())
_GONE = frozenset(
    "delete deleted destroy destroyed destruction purge terminate wipe drop erase remove removed deletion".split()
)

_ADMIN = (
    r"AdministratorAccess|IAMFullAccess|PowerUserAccess|\broles/(?:owner|editor)\b|\bcluster-admin\b|system:masters|"
    r"(?:Global|Company|Tenant|Account|Workspace|Organi[sz]ation|Super|Security|Privileged \w+) ?Admin|\bsuper.?user\b|"
    r"\bowner\b|\badmins?\b|\badministrators?\b|\bsudo\b|\bwheel\b|"
    r'\\?"(?:Action|verbs|resources)\\?"\s*:\s*(?:\[\s*)?\\?"\*\\?"'
)
_WORLD = (
    r"\bAllUsers\b|\ballUsers\b|\ballAuthenticatedUsers\b|global/AuthenticatedUsers|\bpublic-read|\b0\.0\.0\.0/0|"
    r"(?<![\w:])::/0|"
    r'\\?"Principal\\?"\s*:\s*(?:\{\s*\\?"AWS\\?"\s*:\s*)?(?:\[\s*)?\\?"\*\\?"|\\?"(?:group|groups)\\?"\s*:\s*\\?"all\\?"|'
    r'\\?"(?:visibility|publicAccess|access|public)\\?"\s*:\s*(?:\\?"(?:public|enabled|anyone)|true)'
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of event that an auditor wants to see. Conditions that are None do not matter."""

    severity: str  # of findings.SEVERITIES
    title: str
    why: str  # why it matters, and what to look at next
    verbs: frozenset[str] | None = None  # one of them is among the action's words
    nouns: str | None = None  # found in the action's words, joined by blanks
    text: str | None = None  # found in the whole record
    test: Callable[[Event], bool] | None = None
    attempts: bool = True  # an attempt counts too, one step lower
    hints: tuple[str, ...] = ()  # lower case; `text` is looked for only where one of them is: most records have none


def _is_root(event: Event) -> bool:
    return event.actor == "root" and re.search(r'"type":\s*"Root"', event.detail) is not None


def _no_second_factor(event: Event) -> bool:
    return event.outcome == Outcome.SUCCESS and re.search(r'"MFAUsed":\s*"No"', event.detail) is not None


RULES = (
    Rule(
        "critical",
        "The root account logged in without a second factor",
        "The root account can do everything, and only a password protected it. Ask who it was and why.",
        nouns=r"console login",
        test=lambda event: _is_root(event) and _no_second_factor(event),
        attempts=False,
    ),
    Rule(
        "medium",
        "The root account was used",
        "Daily work needs no root account: each use should have a reason that somebody wrote down.",
        test=_is_root,
    ),
    Rule(
        "medium",
        "A log-in without a second factor",
        "A stolen password is enough to do the same. Check whether the policy demands a second factor.",
        nouns=r"console login",
        test=lambda event: not _is_root(event) and _no_second_factor(event) and '"AssumedRole"' not in event.detail,
        attempts=False,
    ),
    Rule(
        "high",
        "Logging or monitoring was switched off or deleted",
        "What happens afterwards leaves no trace. Look at what the same person did next, and for how long it was off.",
        verbs=_OFF,
        nouns=r"\b(logging|audit\w*|trails?|cloudtrail|log (?:sink|group|profile|config\w*|bucket)|flow logs?|sinks?|"
        r"detectors?|recorder|diagnosticsettings|diagnostic settings|monitoring|alarms?|guard ?duty|security ?hub|"
        r"macie|"
        r"event ?hubs?|log ?stream\w*|siem|sensor)\b",
    ),
    Rule(
        "high",
        "An audit trail was switched off",
        "Changes made meanwhile cannot be traced. Look at what was done until it was on again.",
        hints=("audit",),
        text=r"(?i)\baudit[ _.-]?(?:trail|log(?:ging)?|ing)s?\b[^\n]{0,40}?(?:\b(?:off|disabled?|stopped|suspended|"
        r"deactivated|cleared|purged|deleted)\b|[=:]\W{0,3}(?:false|0|off|no)\b)|"
        r"\b(?:disabl\w+|stopp\w+|suspend\w+|deactivat\w+|clear\w+|turn\w* off|switch\w* off)\W{1,3}(?:the )?"
        r"audit[ _.-]?(?:trail|log)",
    ),
    Rule(
        "medium",
        "The settings of logging were changed",
        "A trail can be narrowed until it shows nothing. Compare the settings before and after.",
        verbs=_CHANGE - _NEW,
        nouns=r"\b(trail|event selectors?|sinks?|detector|logging|log profile|audit\w* (?:config|setting|polic)\w*)\b",
    ),
    Rule(
        "critical",
        "A second account with the rights of root was created",
        "A user with UID 0 is root under another name: a classic back door.",
        nouns=r"create user|change user",
        text=r"\bUID=0\b|to '0'",
        attempts=False,
    ),
    Rule(
        "high",
        "Administrator rights were given",
        "Whoever holds them can undo every other control. Check that the change was approved.",
        verbs=_GIVE,
        nouns=r"\b(polic(?:y|ies)|roles?|permissions?|privileges?|admins?|administrators?|owners?|members?(?:hip)?|"
        r"group member|bindings?|rolebindings?|clusterrolebindings?|clusterroles?|iam|rights|access level)\b",
        text=_ADMIN,
    ),
    Rule(
        "medium",
        "Rights, roles or policies were changed",
        "Rights grow one small change at a time. Check that each was asked for.",
        verbs=_GIVE | _OFF,
        nouns=r"\b(polic(?:y|ies)|roles?|permissions?|privileges?|group member\w*|memberships?|bindings?|rolebindings?|"
        r"clusterrolebindings?|clusterroles?|iam|grants?|acl|access level|scopes?|entitlements?|owner)\b",
    ),
    Rule(
        "high",
        "Something was opened to everybody",
        "Data or machines can be reached by anyone on the internet. Close it, then find out since when.",
        verbs=_GIVE | _CHANGE | frozenset({"share", "shared", "publish", "published", "make"}),
        text=_WORLD,
    ),
    Rule(
        "high",
        "The protection against public access was removed",
        "Nothing now keeps a wrong policy from making the data public.",
        verbs=_OFF,
        nouns=r"public access block|public access prevention",
    ),
    Rule(
        "medium",
        "Keys, tokens or passwords were created",
        "A new credential is a way in that outlasts the person's own log-in. Ask what it is for and who holds it.",
        verbs=_NEW | frozenset({"reset", "update"}),
        nouns=r"\b(?:(?:access|api|account|ssh|deploy|service|public|integration|signing|client) ?keys?|key ?pair|"
        r"login ?profile|credentials?|client ?secrets?|personal access|(?:access|api|auth\w*|refresh|service|bot|"
        r"personal|install\w*)? ?tokens?|certificate ?signing\w*|user password)\b",
    ),
    Rule(
        "medium",
        "A second factor was removed or reset",
        "The account is left with its password alone: often the step before a take-over.",
        verbs=_OFF | frozenset({"reset", "bypass"}),
        nouns=r"\b(mfa|2 ?fa|factors?|two factor|two step|2 step|2sv|otp|multi ?factor|strong authentication|"
        r"security key)\b",
    ),
    Rule(
        "high",
        "An encryption key was disabled or marked for deletion",
        "What it encrypts becomes unreadable, backups included. There may be time to cancel.",
        verbs=_OFF | frozenset({"schedule"}),
        nouns=r"\b(schedule key deletion|disable key|delete (?:imported )?key material|crypto ?key versions?|"
        r"key ?vaults? .*(?:delete|purge))\b",
    ),
    Rule(
        "medium",
        "Data, backups or infrastructure were deleted",
        "Check that it was planned, and that a copy exists.",
        verbs=_GONE,
        nouns=r"\b(buckets?|backups?|vaults?|snapshots?|databases?|db ?(?:instance|cluster)|clusters?|tables?|volumes?|"
        r"projects?|organi[sz]ations?|tenants?|repositor(?:y|ies)|repo|datasets?|stacks?|namespaces?|recovery\w*|"
        r"containers?|disks?|file ?systems?|workspaces?|storage ?accounts?|resource ?groups?|environments?|"
        r"virtual ?machines?|images?|applications?|global|jobs?)\b",
    ),
    Rule(
        "medium",
        "A protection was weakened or changed",
        "Controls are most often lost by a setting that nobody meant to leave. Compare before and after.",
        verbs=_OFF | _CHANGE,
        nouns=r"\b(password polic\w*|account password|sso|saml\w*|identity ?providers?|idp|federat\w+|encryption|"
        r"firewall\w*|"
        r"waf|web ?acl|security ?groups?|network ?acl|protect\w*|branch protection|antivirus|edr|scanning|"
        r"secret scanning|"
        r"alerts?|dlp|conditional ?access|allow ?list\w*|white ?list\w*|trusted \w+|ip ?restrict\w*|"
        r"security ?\w* ?settings?|"
        r"login ?settings?|domain\w*|trust|retention|versioning|lifecycle|delegation|hooks?|webhooks?|mirror\w*|"
        r"application ?access|automatic ?updates?)\b",
    ),
    Rule(
        "medium",
        "An administrator account or user was created",
        "An account that nobody asked for is a way back in. Match it against the list of joiners.",
        verbs=_NEW,
        nouns=r"\b(admin\w*|superuser)\b",
    ),
    Rule(
        "low",
        "A user account was created",
        "Match it against the list of joiners.",
        verbs=_NEW,
        nouns=r"\b(users?|accounts?|service ?accounts?|members?)\b",
    ),
    Rule(
        "medium",
        "A control was overridden",
        "The rule exists for a reason; so should the exception.",
        nouns=r"\b(override\w*|bypass\w*|break ?glass|impersonat\w*|masquerad\w*|assume ?user|force ?push\w*)\b",
        attempts=False,
    ),
    Rule(
        "medium",
        "The system itself reported something suspicious",
        "Another tool has already seen reason to warn. Read its report.",
        nouns=r"\b(threat\w*|suspicious\w*|malicious|malware|anomal\w+|compromis\w+|breach\w*|leak\w*|attack\w*|"
        r"impossible ?travel|risk(?:y)? ?(?:detect\w+|sign ?in\w*|user\w*)?|shield ?alert|intrusion|exploit\w*|"
        r"phish\w*)\b",
        attempts=False,
    ),
    Rule(
        "medium",
        "Data was shared or copied outside",
        "Check who received it and whether they may have it.",
        verbs=frozenset(
            "share shared forward forwarding transfer transferred export exported publish published public "
            "external exfiltrate sync".split()
        ),
        nouns=r"\b(snapshots?|images?|databases?|repo\w*|extern\w*|public\w*|forward\w*|report|all|ownership|data|"
        r"documents?|files?|mail\w*|inbox)\b",
    ),
    Rule(
        "medium",
        "A tool reported a threat or an anomaly",
        "Another program has judged this record to be dangerous or unusual. Read what it says.",
        text=r"(?i)\\?\"(?:is_?)?(?:malicious|anomalous|suspicious|compromised|threat\w*detected|is_?anomal\w*)\\?\"\s*:\s*true|"
        r"\b(?:malicious|malware|ransomware|phishing|impossible travel|credential stuffing|brute.?force|"
        r"exfiltrat\w+|canary\s?token|(?:leaked|compromised) (?:password|credential|key)\w*|prompt injection)\b",
        hints=(
            "malicious",
            "anomal",
            "suspicious",
            "compromised",
            "threat",
            "malware",
            "ransom",
            "phish",
            "impossible",
            "stuffing",
            "brute",
            "exfiltrat",
            "canary",
            "leaked",
            "injection",
        ),
        attempts=False,
    ),
    Rule(
        "medium",
        "A container was given the rights of its host",
        "From such a container the way to the machine, and to its neighbours, is short.",
        verbs=_CHANGE,
        text=r'\\?"(?:hostPID|hostIPC|hostNetwork|privileged|allowPrivilegeEscalation)\\?"\s*:\s*true|\\?"hostPath\\?"\s*:|'
        r'\\?"(?:NET_ADMIN|SYS_ADMIN|SYS_PTRACE)\\?"',
        hints=("host", "privileged", "_admin", "ptrace"),
    ),
    Rule(
        "medium",
        "A shell was opened in a running container",
        "What is typed there changes a running service and is not logged.",
        nouns=r"\bpods? (?:exec|attach)\b|\bephemeral ?containers\b",
    ),
    Rule(
        "medium",
        "Somebody without a name was let in",
        "The system answered a request that did not say who asks.",
        test=lambda event: (
            event.outcome == Outcome.SUCCESS
            and (event.actor or "").lower()
            in ("anonymous", "system:anonymous", "anonymousprincipal", "system:unauthenticated")
        ),
    ),
    Rule(
        "high",
        "Traces were wiped or logging was stopped as root",
        "Nobody needs this for daily work. Secure the other logs of this machine before anything else.",
        nouns=r"^sudo$",
        text=r"(?:\b(?:rm|shred|truncate|unlink)\b[^|;]*|>\s*)(?:/var/log|\S*(?:wtmp|btmp|lastlog|_history|"
        r"audit\.log))|"
        r"\b(?:systemctl|service|rc-service)\b[^|;]*\b(?:stop|disable|mask)\b[^|;]*\b(?:auditd|rsyslog|syslog\S*|"
        r"journald)|"
        r"\b(?:auditd|rsyslog)\s+stop\b|auditctl\s+-(?:e\s*0|D)\b|history\s+-c|setenforce\s+0|journalctl\s+--vacuum",
    ),
    Rule(
        "medium",
        "Accounts or rights were changed as root",
        "Check that the change was asked for.",
        nouns=r"^sudo$",
        text=r"COMMAND=\S*(?:useradd|usermod|adduser|userdel|passwd|visudo|gpasswd|chpasswd)\b|/etc/(?:shadow|sudoers|"
        r"passwd)\b|"
        r"authorized_keys",
    ),
    Rule(
        "low",
        "A root shell was opened",
        "What is typed in it is not logged command by command.",
        nouns=r"^sudo$",
        text=r"USER=root\b.*COMMAND=\S*/(?:ba|z|da|k|c)?sh(?:\s*$|\s+-[il])|COMMAND=\S*/su(?:\s|$)",
    ),
    Rule(
        "medium",
        "root logged in directly",
        "Nobody can tell which person it was.",
        nouns=r"^login$",
        test=lambda event: event.actor == "root" and event.outcome == Outcome.SUCCESS and not event.templated,
        attempts=False,
    ),
    Rule(
        "medium",
        "A command hides what it does or opens a way out",
        "Encoded commands and shells over the network are how intruders work.",
        hints=("base64", " -e", "curl", "wget", "/dev/tcp", "mimikatz"),
        text=r"(?i)\bbase64\b[^\n]{0,20}\s(?:-d|--decode)\b|FromBase64String|\s-e(?:nc|"
        r"ncodedcommand)?\s+[A-Za-z0-9+/=]{24,}|"
        r"\b(?:curl|wget)\b[^|\n]{0,200}\|\s*(?:ba|z)?sh\b|/dev/tcp/|\bnc(?:at)?\b\s+\S*\s*-e\b|mimikatz",
    ),
    Rule(
        "low",
        "The machine ran into a serious fault",
        "A fault may be an accident or a crash that somebody caused.",
        hints=("kernel panic", "out of memory", "segfault", "break-in"),
        text=r"(?i)kernel panic|out of memory: kill|\bsegfault at\b|POSSIBLE BREAK-IN ATTEMPT",
    ),
)


def rules_for(event: Event) -> list[Rule]:
    """The rules that an event meets, in the order of the table."""
    met = []
    text = event.text
    lower = text.lower()
    for index in _candidates(event.action):
        rule = RULES[index]
        if not rule.attempts and event.outcome in (Outcome.FAILURE, Outcome.DENIED):
            continue
        if rule.test is not None and not rule.test(event):
            continue
        if rule.text is not None:
            if rule.hints and not _holds_any(lower, rule.hints):
                continue
            if not _text_pattern(index).search(text):
                continue
        met.append(rule)
    return met


def _holds_any(text: str, parts: tuple[str, ...]) -> bool:
    # A plain loop: this runs for every event, and `any` would take three times as long.
    for part in parts:  # noqa: SIM110
        if part in text:
            return True
    return False


@lru_cache(maxsize=8192)
def words_of(action: str) -> tuple[str, ...]:
    """The words of an action, lower case: "DeleteTrail", "delete_trail" and "Delete trail" are ("delete", "trail")."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", action)
    return tuple(re.findall(r"[a-z0-9]+", apart.lower()))


@lru_cache(maxsize=8192)
def _candidates(action: str | None) -> tuple[int, ...]:
    """The rules whose conditions on the action's words are met; what looks at the record is still open."""
    words = words_of(action) if action else ()
    joined = " ".join(words)
    return tuple(
        index
        for index, rule in enumerate(RULES)
        if (rule.verbs is None or not rule.verbs.isdisjoint(words))
        and (rule.nouns is None or re.search(rule.nouns, joined))
    )


@cache
def _text_pattern(index: int) -> re.Pattern[str]:
    return re.compile(RULES[index].text or "")
