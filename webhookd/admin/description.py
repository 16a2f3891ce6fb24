"""The OpenAPI description of the admin API, served at `/v1/openapi.json`."""

from __future__ import annotations

from functools import cache
from typing import Any

from webhookd import __version__
from webhookd.admin.openapi import daemon_paths, delivery_paths, lookup_paths, webhook_paths
from webhookd.admin.openapi.description_parts import ERROR
from webhookd.admin.view_schemas import schemas_of
from webhookd.views.activity import ActivityView
from webhookd.views.backfills import BackfillView
from webhookd.views.changes import ChangesView, KnownRecordsView, LatestChangeView, RecordView
from webhookd.views.configuration import ConfigurationView, PlanView
from webhookd.views.deliveries import (
    ByHandView,
    CancelledView,
    DeliveriesView,
    GroupsView,
    RetriedView,
    ShownDeliveryView,
)
from webhookd.views.events import (
    ActView,
    EndedAttemptsView,
    HoldChangeView,
    ReadConfigurationView,
    SourceEventView,
)
from webhookd.views.records import ForgottenView, ListedRecordsView, ShownRecordsView
from webhookd.views.refusals import RefusalView
from webhookd.views.sources import (
    AcceptedView,
    FileReportView,
    PropertiesView,
    SourceFilesView,
    SourcesView,
)
from webhookd.views.status import ReloadView, StatusView
from webhookd.views.trials import TrialView
from webhookd.views.webhooks import HoldView, RotatedView, ShownWebhookView

_VIEWS = (
    *(StatusView, SourcesView, PropertiesView, ChangesView, LatestChangeView, RecordView),
    *(DeliveriesView, ShownDeliveryView, GroupsView, ShownWebhookView, ActivityView),
    *(ByHandView, EndedAttemptsView, HoldChangeView, ReadConfigurationView),
    *(SourceEventView, ActView),
    *(KnownRecordsView, ListedRecordsView, ShownRecordsView, ForgottenView),
    *(SourceFilesView, FileReportView, AcceptedView),
    *(ConfigurationView, PlanView, TrialView),
    *(RetriedView, CancelledView, HoldView, BackfillView, ReloadView, RotatedView, RefusalView),
)
_ABOUT = (
    "What the command line asks of a running daemon. Any other path is answered with 404,"
    " any other method of a path with 405: `NotFound` and `MethodNotAllowed` under"
    " `components`. Every path that takes GET takes HEAD."
)


@cache
def description() -> dict[str, Any]:
    """Return the description; made when it is first asked for, which takes a moment."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "webhookd", "version": __version__, "description": _ABOUT},
        "security": [{}, {"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {"NotFound": ERROR, "MethodNotAllowed": ERROR},
            "schemas": schemas_of(_VIEWS),
        },
        "paths": {
            **daemon_paths.PATHS,
            **delivery_paths.PATHS,
            **lookup_paths.PATHS,
            **webhook_paths.PATHS,
        },
    }
