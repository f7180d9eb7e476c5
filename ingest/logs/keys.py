"""Which key of a record means what: the tables behind `mapping`.

`FAMILIES` has a row for each service whose records have a shape of their own; `NAMES` says which key names mean time,
actor and so on anywhere else. To teach a new service, add a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Family:
    """Where a service's records keep what. Paths are dotted keys, digits index lists; the first with a value counts."""

    name: str
    needs: tuple[str, ...]  # a record with all of these is of this family
    time: tuple[str, ...]
    actor: tuple[str, ...]
    action: tuple[str, ...]
    object: tuple[str, ...]
    source: tuple[str, ...]
    outcome: tuple[str, ...] = ()
    error_code: tuple[str, ...] = ()
    service: tuple[str, ...] = ()  # stands before the action in the template
    message: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    about: tuple[str, ...] = ()  # what else says what happened
    codes: Mapping[str, str] = field(default_factory=dict)  # what an action that is a number means
    silence_is_success: bool = True  # no outcome and no error code mean that it was done


FAMILIES = (
    Family(
        "cloudtrail",
        needs=("eventSource", "eventName"),
        time=("eventTime",),
        actor=(
            "userIdentity.arn", "userIdentity.userName", "userIdentity.invokedBy", "userIdentity.principalId",
            "userIdentity.accountId", "userIdentity.type",
        ),
        action=("eventName",),
        object=(
            "requestParameters.bucketName", "requestParameters.userName", "requestParameters.roleName",
            "requestParameters.groupName", "requestParameters.groupId", "requestParameters.name",
            "requestParameters.keyId", "requestParameters.functionName", "requestParameters.instanceId",
            "requestParameters.secretId", "requestParameters.tableName", "requestParameters.dBInstanceIdentifier",
            "requestParameters.policyArn", "requestParameters.roleArn", "resources.0.ARN",
        ),
        source=("sourceIPAddress",),
        outcome=("responseElements.ConsoleLogin",),
        error_code=("errorCode", "errorMessage"),
        service=("eventSource",),
    ),
    Family(
        "gcp-audit",
        needs=("protoPayload",),
        time=("timestamp", "receiveTimestamp", "p_event_time"),
        actor=("protoPayload.authenticationInfo.principalEmail", "protoPayload.authenticationInfo.principalSubject"),
        action=("protoPayload.methodName",),
        object=("protoPayload.resourceName", "resource.labels.project_id"),
        source=("protoPayload.requestMetadata.callerIp", "protoPayload.requestMetadata.callerIP"),
        error_code=("protoPayload.status.code",),
        outcome=("protoPayload.authorizationInfo.0.granted",),
        service=("protoPayload.serviceName",),
        severity=("severity",),
        about=("protoPayload.authorizationInfo.0.permission", "protoPayload.metadata.violationReason"),
    ),
    Family(
        "kubernetes-audit",
        needs=("verb", "objectRef"),
        time=("stageTimestamp", "requestReceivedTimestamp"),
        actor=("user.username",),
        action=("verb+objectRef.resource+objectRef.subresource",),
        object=("objectRef.namespace+objectRef.name", "requestURI"),
        source=("sourceIPs.0",),
        outcome=("responseStatus.code",),
    ),
    Family(
        "azure-activity",
        needs=("operationName", "resourceId"),
        time=("time", "eventTimestamp"),
        actor=("caller", "identity.claims.upn", "identity.claims.name", "properties.userPrincipalName", "identity"),
        action=("operationName.value", "operationName", "properties.operationName"),
        object=("resourceId",),
        source=("callerIpAddress", "properties.ipAddress"),
        outcome=("resultType", "properties.result", "resultSignature", "status.value"),
        error_code=("resultSignature", "properties.errorCode"),
        severity=("level",),
        about=("category", "resultDescription"),
    ),
    Family(
        "entra-audit",
        needs=("activityDisplayName", "initiatedBy"),
        time=("activityDateTime",),
        actor=("initiatedBy.user.userPrincipalName", "initiatedBy.app.displayName"),
        action=("activityDisplayName",),
        object=("targetResources.0.userPrincipalName", "targetResources.0.displayName"),
        source=("initiatedBy.user.ipAddress",),
        outcome=("result",),
    ),
    Family(
        "okta",
        needs=("eventType", "actor.alternateId"),
        time=("published",),
        actor=("actor.alternateId", "actor.displayName"),
        action=("eventType",),
        object=("target.0.alternateId", "target.0.displayName"),
        source=("client.ipAddress",),
        outcome=("outcome.result",),
        error_code=("outcome.reason",),
        severity=("severity",),
        about=("displayMessage",),
    ),
    Family(
        "google-workspace",
        needs=("id.applicationName",),
        time=("id.time",),
        actor=("actor.email", "actor.profileId", "actor.callerType"),
        action=("events.0.name", "name"),
        object=("events.0.parameters.0.value", "parameters.USER_EMAIL", "parameters.doc_title"),
        source=("ipAddress",),
        service=("id.applicationName",),
        about=(
            "events.0.type", "type", "parameters.SETTING_NAME", "parameters.APPLICATION_NAME",
            "parameters.visibility_change",
        ),
    ),
    Family(
        "github-audit",
        needs=("action", "actor", "org"),
        time=("@timestamp", "created_at"),
        actor=("actor",),
        action=("action",),
        object=("repo", "team", "user", "org"),
        source=("actor_ip",),
        outcome=("conclusion",),
    ),
    Family(  # numbers: https://developers.onelogin.com/api-docs/1/events/event-types
        "onelogin",
        needs=("event_type_id", "actor_user_name"),
        time=("event_timestamp", "created_at"),
        actor=("actor_user_name",),
        action=("event_type_id",),
        object=("user_name", "role_name", "app_name"),
        source=("ipaddr",),
        error_code=("error_description",),
        codes={
            "3": "assume user", "4": "assign role", "5": "login", "6": "login failed", "8": "open application",
            "11": "change password", "13": "create user", "17": "delete user",
        },
    ),
    Family(
        "cef",
        needs=("cefVersion", "name"),
        time=("rt", "end", "start", "deviceReceiptTime", "headerTime"),
        actor=("suser", "duser", "suid", "duid", "sourceUserName", "destinationUserName"),
        action=("name", "signatureId"),
        object=("fname", "filePath", "request", "duser", "dhost", "dst", "destinationServiceName"),
        source=("src", "sourceAddress", "shost", "c6a2"),
        outcome=("outcome", "act"),
        error_code=("reason",),
        service=("deviceProduct",),
        severity=("cefSeverity",),
        about=("cat", "msg", "act"),
        silence_is_success=False,
    ),
    Family(
        "leef",
        needs=("leefVersion", "leefEventId"),
        time=("devTime", "startTime", "headerTime"),
        actor=("usrName", "userName", "accountName", "identSrc"),
        action=("action", "leefEventId"),
        object=("resource", "url", "fileName", "policy", "dst"),
        source=("src", "identHostName"),
        outcome=("outcome", "result", "disposition", "status"),
        error_code=("reason",),
        service=("deviceProduct",),
        severity=("sev",),
        about=("cat", "leefEventId", "msg"),
        silence_is_success=False,
    ),
    Family(
        "windows",
        needs=("System.Provider",),
        time=("System.TimeCreated.SystemTime",),
        actor=(
            "actor", "EventData.SubjectUserName", "EventData.TargetUserName", "EventData.User",
            "System.Security.UserID",
        ),
        action=("action",),
        object=(
            "EventData.MemberName", "EventData.TargetUserName", "EventData.ServiceName", "EventData.TaskName",
            "EventData.ObjectName", "EventData.NewProcessName", "EventData.Image", "EventData.ShareName",
        ),
        source=("EventData.IpAddress", "EventData.WorkstationName", "EventData.SourceIp", "System.Computer"),
        outcome=("outcome",),
        error_code=("EventData.Status", "EventData.FailureCode"),
        severity=("level",),
        about=("System.Channel",),
        silence_is_success=False,
    ),
)  # fmt: skip

NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "timestamp", "time", "eventtime", "datetime", "date", "ts", "createdat", "created", "occurredat", "loggedat",
        "timestamputc", "timeutc", "utctimestamp", "eventdate", "eventtimestamp", "isotimestamp", "creationtime",
        "createdatetime", "createddatetime", "starttime", "published", "performedat", "effectiveat", "when",
        "realtimetimestamp", "eventcreationtime", "timegenerated", "datecreated", "lognow", "calendartime", "unixtime",
    ),
    "actor": (
        "actor", "user", "username", "useremail", "actoremail", "email", "userid", "login", "account", "accountname",
        "principal", "principalemail", "operator", "performedby", "initiatedby", "admin", "adminid", "adminemail",
        "actorname", "actorid", "caller", "callerid", "userprincipalname", "subject", "subjectusername", "createdby",
        "by", "person", "employee", "useridentity", "identity", "requestor", "requester", "analyst", "comm", "uid",
    ),
    "action": (
        "action", "eventname", "event", "operation", "operationname", "actionname", "eventtype", "activity", "verb",
        "activitydisplayname", "eventsimplename", "actiontype", "command", "method", "methodname", "requestmethod",
        "eventaction", "eventtypename", "auditlogevent", "querytype", "classname", "type", "name", "category",
    ),
    "object": (
        "object", "resource", "target", "resourcename", "resourceid", "entity", "entityid", "record", "recordid",
        "file", "filename", "path", "document", "documentid", "sample", "sampleid", "table", "item", "itemid",
        "objectid", "objectname", "objectref", "repo", "repository", "bucket", "targetuser", "uri", "url", "asset",
    ),
    "outcome": ("outcome", "result", "success", "issuccess", "actionresult", "status", "resulttype", "resultstatus",
                "executionstatus", "decision", "disposition", "conclusion", "loginstatus", "state", "statuscode",
                "httpstatus", "responsestatus", "response"),
    "source": (
        "ip", "sourceip", "sourceipaddress", "srcip", "clientip", "ipaddress", "remoteaddr", "remoteip", "requestip",
        "callerip", "calleripaddress", "userip", "actorip", "srcaddr", "remoteaddress", "clientaddress", "address",
        "sourceaddress", "clientipaddress", "srcipv4", "originip", "xforwardedfor",
        "client", "source", "workstation", "terminal", "host", "hostname", "computer", "device",
    ),
    "error_code": ("errorcode", "errcode", "error", "resultcode", "exitcode", "reason", "failurereason", "code"),
    "severity": ("severity", "level", "loglevel", "priority"),
    "message": ("message", "msg", "log", "description", "displaymessage", "text", "summary", "details", "detail"),
    "service": ("service", "servicename", "application", "applicationname", "module", "component", "logger",
                "workload"),
    "about": (
        "eventcategory", "category", "categorytype", "subcategory", "type", "eventtype", "kind", "title", "rulename",
        "alerttype", "findingtype", "sourcetype", "sourcelabel", "changedescription", "operationdetail", "description",
        "displaymessage", "alarmtext", "threatname", "detectionname", "settingname", "auditlogtype", "targettype",
        "objecttype", "resourcetype", "privilege", "grantedon", "pack",
    ),
}  # fmt: skip
"""Key names, lower case and without punctuation, in order of preference."""

WRAPPERS = (
    "event",
    "data",
    "payload",
    "record",
    "properties",
    "attributes",
    "protopayload",
    "metadata",
    "context",
    "alert",
    "finding",
    "id",
)
"""Keys whose value may hold what the record itself does not."""

IDENTITY = ("email", "emailaddress", "mail", "userprincipalname", "alternateid", "login", "username", "name",
            "displayname", "id", "ip", "ipaddress", "type")  # fmt: skip
"""What names a nested actor, object or source best."""

SAYS = ("tag", "result", "statuscode", "status", "value", "localizedvalue", "type", "operation", "name", "code")
"""What tells best what a nested action or outcome is."""

LISTS = ("Records", "records", "events", "Events", "items", "value", "logEvents", "entries", "results", "data", "logs")
"""Keys under which a document keeps a list of records."""
