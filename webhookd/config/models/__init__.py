"""The configuration file as typed, frozen values: what the compiler reads.

Only what the file writes otherwise than the definitions hold it has a form here (see
`webhookd.config.file_form`); a delivery policy is the definition itself. The schema has checked the
shape before (`webhookd.config.schema`); a test walks both and fails when they differ in a key, a
default or a choice.
"""

from webhookd.config.models.authentication_models import (
    ApiKey,
    Authentication,
    Basic,
    Bearer,
    NoAuthentication,
    OAuth2,
    Signature,
    SourceAuthentication,
)
from webhookd.config.models.configuration_models import (
    App,
    Configuration,
    Egress,
    Webhook,
)
from webhookd.config.models.file_keys import (
    Keys,
    SecretReference,
    Value,
)
from webhookd.config.models.request_models import (
    Body,
    ChosenProperty,
    Query,
    Request,
    Tls,
)
from webhookd.config.models.source_models import (
    AssociationType,
    DropDirectory,
    Hubspot,
    HubspotAssociated,
    HubspotList,
    HubspotObject,
    HubspotOwner,
    OwnEvents,
    Rest,
    RestDetect,
    RestError,
    RestObject,
    Source,
    Wake,
)
from webhookd.config.models.trigger_models import (
    AllGroup,
    AnyGroup,
    At,
    Comparison,
    Condition,
    Membership,
    NotGroup,
    Presence,
    PropertyComparison,
    Range,
    RelativeDate,
    Trigger,
    Wait,
    When,
)

__all__ = [
    "AllGroup",
    "AnyGroup",
    "ApiKey",
    "App",
    "AssociationType",
    "At",
    "Authentication",
    "Basic",
    "Bearer",
    "Body",
    "ChosenProperty",
    "Comparison",
    "Condition",
    "Configuration",
    "DropDirectory",
    "Egress",
    "Hubspot",
    "HubspotAssociated",
    "HubspotList",
    "HubspotObject",
    "HubspotOwner",
    "Keys",
    "Membership",
    "NoAuthentication",
    "NotGroup",
    "OAuth2",
    "OwnEvents",
    "Presence",
    "PropertyComparison",
    "Query",
    "Range",
    "RelativeDate",
    "Request",
    "Rest",
    "RestDetect",
    "RestError",
    "RestObject",
    "SecretReference",
    "Signature",
    "Source",
    "SourceAuthentication",
    "Tls",
    "Trigger",
    "Value",
    "Wait",
    "Wake",
    "Webhook",
    "When",
]
