#!/usr/bin/env python3
"""moto's server with the calls our stacks make and moto does not answer. Takes moto_server's arguments."""

import json
import re
import sys
import uuid

import cbor2
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.logs.responses import LogsResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import FakeBucket
from moto.server import main

QUERIES = {}

# Attributes of an ECS service that moto takes and forgets: the API's name, moto's, and what AWS says where none was given.
SERVICE = [
    ("availabilityZoneRebalancing", "availability_zone_rebalancing", "DISABLED"),
    ("capacityProviderStrategy", "capacity_provider_strategy", None),
    ("deploymentConfiguration", "deployment_configuration", None),
    ("enableECSManagedTags", "enable_ecs_managed_tags", False),
    ("enableExecuteCommand", "enable_execute_command", False),
    ("healthCheckGracePeriodSeconds", "health_check_grace_period_seconds", None),
]


def no_tags(_self):
    """Terraform asks for the tags of every scalable target it has made."""
    return json.dumps({"Tags": {}})


def put_query(self):
    given = json.loads(self.body)
    identity = given.get("queryDefinitionId") or str(uuid.uuid4())
    kept = {name: given[name] for name in ("name", "queryString")}
    QUERIES[identity] = kept | {"queryDefinitionId": identity, "logGroupNames": given.get("logGroupNames", [])}
    return json.dumps({"queryDefinitionId": identity})


def describe_queries(_self):
    return json.dumps({"queryDefinitions": list(QUERIES.values())})


def delete_query(self):
    return json.dumps({"success": QUERIES.pop(json.loads(self.body)["queryDefinitionId"], None) is not None})


def remembering(call):
    """The same call, after which the service has every attribute that was given."""

    def remembered(self):
        answer = call(self)
        body = getattr(answer, "_result", None) or answer.result
        service = body["service"]
        for name, attribute, default in SERVICE:
            given = self._get_param(name)
            if given is not None:
                setattr(service, attribute, given)
            elif not hasattr(service, attribute):
                setattr(service, attribute, default)
        if service.capacity_provider_strategy:
            service.launch_type = None  # AWS has one or the other
        for registry in service.service_registries or []:
            for name in ("port", "containerPort"):
                if not registry.get(name):
                    registry.pop(name, None)
        return answer

    return remembered


def conditional(permitted):
    """The same judgement, but of a statement that denies what does not come over TLS: moto reads no conditions of a
    bucket's policy, and would deny everything."""

    def judged(self, *arguments, **named):
        condition = self._statement.get("Condition", {}).get("Bool", {})
        if self._statement["Effect"] == "Deny" and condition.get("aws:SecureTransport") == "false":
            return PermissionResult.NEUTRAL
        return permitted(self, *arguments, **named)

    return judged


def in_cbor(dispatch):
    """CloudWatch's clients speak CBOR by now, which moto does not: the alarms that were asked for by name, by that way."""

    def dispatched(self, environ, start_response):
        if not environ["PATH_INFO"].endswith("/operation/DescribeAlarms"):
            return dispatch(self, environ, start_response)
        region = re.search(r"Credential=[^/]+/[^/]+/([^/]+)/", environ["HTTP_AUTHORIZATION"]).group(1)
        asked = cbor2.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        kept = cloudwatch_backends[DEFAULT_ACCOUNT_ID][region].alarms
        found = [kept[name] for name in asked["AlarmNames"] if name in kept]
        answer = {
            kind: [{"AlarmName": alarm.name} for alarm in found if bool(alarm.rule) is composite]
            for kind, composite in (("MetricAlarms", False), ("CompositeAlarms", True))
        }
        start_response("200 OK", [("Content-Type", "application/cbor"), ("Smithy-Protocol", "rpc-v2-cbor")])
        return [cbor2.dumps(answer)]

    return dispatched


DomainDispatcherApplication.__call__ = in_cbor(DomainDispatcherApplication.__call__)
# A bucket whose versioning was suspended, as Terraform does before it empties one, still has its versions.
FakeBucket.is_versioned = property(lambda bucket: bucket.versioning_status in ("Enabled", "Suspended"))
ApplicationAutoScalingResponse.list_tags_for_resource = no_tags
IAMPolicyStatement.is_action_permitted = conditional(IAMPolicyStatement.is_action_permitted)
# A composite alarm is an alarm with a rule to moto, which only has no way to make one.
CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm
Alarm.alarm_rule = property(lambda alarm: alarm.rule)
LogsResponse.put_query_definition = put_query
LogsResponse.describe_query_definitions = describe_queries
LogsResponse.delete_query_definition = delete_query
for name in ("create_service", "update_service"):
    setattr(EC2ContainerServiceResponse, name, remembering(getattr(EC2ContainerServiceResponse, name)))

if __name__ == "__main__":
    main(sys.argv[1:])
