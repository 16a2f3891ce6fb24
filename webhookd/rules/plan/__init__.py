"""The Plan: a whole configuration, checked, resolved and frozen.

`webhookd.config` makes one; a reload swaps it whole. Readers take the plan in force once per
batch or attempt and keep that object; nothing here is ever edited.
"""

from __future__ import annotations

from webhookd.rules.plan.requests import (
    DIRECT,
    ApiKey,
    Authentication,
    Basic,
    Bearer,
    Body,
    BodyFormat,
    ChosenProperty,
    Proxy,
    Request,
    Scheme,
    Signature,
    Tls,
)
from webhookd.rules.plan.sources import (
    DirectorySource,
    HubspotObject,
    HubspotSource,
    Source,
    host_of,
    is_same_host,
)
from webhookd.rules.plan.triggers import (
    AllOf,
    AnyOf,
    Condition,
    Enroll,
    NotOf,
    Operator,
    Trigger,
    When,
)
from webhookd.rules.plan.webhooks import (
    DeliveryPolicy,
    RateLimit,
    RetryPolicy,
    Webhook,
)
from webhookd.rules.plan.whole import (
    Egress,
    Network,
    Plan,
)

__all__ = [
    "DIRECT",
    "AllOf",
    "AnyOf",
    "ApiKey",
    "Authentication",
    "Basic",
    "Bearer",
    "Body",
    "BodyFormat",
    "ChosenProperty",
    "Condition",
    "DeliveryPolicy",
    "DirectorySource",
    "Egress",
    "Enroll",
    "HubspotObject",
    "HubspotSource",
    "Network",
    "NotOf",
    "Operator",
    "Plan",
    "Proxy",
    "RateLimit",
    "Request",
    "RetryPolicy",
    "Scheme",
    "Signature",
    "Source",
    "Tls",
    "Trigger",
    "Webhook",
    "When",
    "host_of",
    "is_same_host",
]
