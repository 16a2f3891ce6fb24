"""YAML in, Plan out: the only package that knows what the configuration file looks like."""

from __future__ import annotations

from webhookd.config.loading import Loaded, load
from webhookd.config.schema import schema_text

__all__ = ["Loaded", "load", "schema_text"]
