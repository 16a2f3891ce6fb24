"""The definitions: a whole configuration, checked, resolved and frozen.

`webhookd.config` makes them; a reload swaps them whole. Readers take the
definitions in force once per batch or attempt and keep that object; nothing here is ever edited.
"""

from __future__ import annotations

from webhookd.definitions.definitions import Definitions, Egress, Network
from webhookd.definitions.durations import Duration, RateLimit
from webhookd.definitions.oauth2 import BEARER, ClientAuthentication, OAuth2
from webhookd.definitions.requests import (
    DIRECT,
    ROTATING,
    ApiKey,
    Authentication,
    Basic,
    Bearer,
    Body,
    BodyFormat,
    ChosenProperty,
    Hmac,
    Location,
    Method,
    Proxy,
    Request,
    Scheme,
    Signature,
    Tls,
)
from webhookd.definitions.sources import (
    ANY_CSV,
    ANY_JSON,
    CsvSettings,
    DirectorySource,
    HubspotObject,
    HubspotSource,
    JsonSettings,
    OwnEventsSource,
    Source,
    is_same_host,
)
from webhookd.definitions.triggers import (
    AllOf,
    AnyOf,
    Condition,
    ConditionValue,
    Enroll,
    NotOf,
    Operator,
    Trigger,
    When,
)
from webhookd.definitions.value_reading import PLAIN, Grouping, ValueReading
from webhookd.definitions.webhooks import DeliveryPolicy, RetryPolicy, Webhook

__all__ = [
    "ANY_CSV",
    "ANY_JSON",
    "BEARER",
    "DIRECT",
    "PLAIN",
    "ROTATING",
    "AllOf",
    "AnyOf",
    "ApiKey",
    "Authentication",
    "Basic",
    "Bearer",
    "Body",
    "BodyFormat",
    "ChosenProperty",
    "ClientAuthentication",
    "Condition",
    "ConditionValue",
    "CsvSettings",
    "Definitions",
    "DeliveryPolicy",
    "DirectorySource",
    "Duration",
    "Egress",
    "Enroll",
    "Grouping",
    "Hmac",
    "HubspotObject",
    "HubspotSource",
    "JsonSettings",
    "Location",
    "Method",
    "Network",
    "NotOf",
    "OAuth2",
    "Operator",
    "OwnEventsSource",
    "Proxy",
    "RateLimit",
    "Request",
    "RetryPolicy",
    "Scheme",
    "Signature",
    "Source",
    "Tls",
    "Trigger",
    "ValueReading",
    "Webhook",
    "When",
    "is_same_host",
]
