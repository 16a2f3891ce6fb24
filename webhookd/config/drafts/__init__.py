"""Drafts: webhooks that stand in no file yet, looked at beside a configuration that is in force."""
