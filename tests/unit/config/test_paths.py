"""Paths that only a shell, Windows or another program would understand."""

from __future__ import annotations

import pytest

from webhookd.config.paths import checked, why_wrong

WRONG = {
    "~": "/home/NAME",
    "~/drop": "/home/NAME/drop",
    "~//drop": "/home/NAME/drop",
    "~crm/x": "/home/crm/x",
    "$SPOOL": "/var/spool/webhookd",
    "$SPOOL/crm": "/var/spool/webhookd/crm",
    "/srv/$HOST/crm": "/var/spool/webhookd/crm",
    "${SPOOL}/crm": "/var/spool/webhookd/crm",
    "${SPOOL:-/srv}/crm": "write the whole path",
    "/srv/crm-${STAGE}/x": "write the whole path",
    r"%APPDATA%\crm": "/var/spool/webhookd/crm",
    "%USERPROFILE%/crm": "/var/spool/webhookd/crm",
    "%ProgramFiles(x86)%": "/var/spool/webhookd",
    r"C:\exports": "/srv/exports",
    "C:/exports": "/srv/exports",
    r"c:\a\b c": "/srv/a/b c",
    "D:": "this machine",
    r"\\server\share": "/mnt/share",
    r"\\server\share" + "\\": "/mnt/share",
    "//server/share": "/mnt/share",
    r"\exports": "exports",
    r".\exports\crm": "./exports/crm",
    r"..\exports": "../exports",
    r"exports\crm": "exports/crm",
    "file:///srv/x": "/srv/x",
    "file:/srv/x": "/srv/x",
    "FILE://localhost/srv/x": "/srv/x",
    "s3://bucket/x": "mount it",
    "https://example.com/x": "mount it",
    "sftp://h/x": "mount it",
    "smb://server/share": "mount it",
    "/srv/\x00x": "control character",
    "/srv/x\n": "control character",
    "\t/srv": "control character",
    " /srv/x": "blank",
    "/srv/x ": "blank",
    "/srv/x\N{NO-BREAK SPACE}": "blank",
    "": "empty",
}
RIGHT = (
    "/var/spool/webhookd/crm",
    "drop",
    "./drop",
    "../drop",
    ".",
    "/",
    "/srv/a b/c",
    "/srv/a$b/c",
    "/srv/price$",
    "/srv/$",
    "/srv/$5",
    "/srv/a~b/~c",
    "./~drop",
    "backup~",
    "/srv/50%/x",
    "/srv/a%b%c",
    "/srv/10:30/x",
    "ab:c",
    "/srv//crm",
    r"/run/media/usb\x2ddisk",
    "/srv/Köln/ファイル",
    "/srv/{x}",
)


@pytest.mark.parametrize("path", WRONG)
def test_what_is_not_a_path_here_is_told_with_what_to_write(path):
    assert WRONG[path] in why_wrong(path)


@pytest.mark.parametrize("path", RIGHT)
def test_what_the_system_takes_is_taken(path):
    assert why_wrong(path) is None
    assert checked(path) == path


@pytest.mark.parametrize("path", WRONG)
def test_of_what_may_be_a_secret_nothing_is_told(path):
    with pytest.raises(ValueError, match=r"^it "):
        checked(path)
    told = why_wrong(path.replace("crm", "CANARY").replace("x", "CANARY"), is_secret=True)

    assert "CANARY" not in (told or "")
