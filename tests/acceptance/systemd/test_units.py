"""The unit files: what can be said of them without a systemd that runs, and the check on one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNITS = ROOT / "systemd"
CHECK = Path(__file__).with_name("check.py")
ASKED = "WEBHOOKD_CHECK_ON_THIS_HOST"

ANALYZE = shutil.which("systemd-analyze")

needs_systemd_analyze = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is not installed"
)


def directives(name):
    """Return the lines of a unit that say something."""
    lines = (UNITS / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def analyze(*arguments):
    return subprocess.run(
        [ANALYZE, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def units(tmp_path):
    """Return copies of all units whose commands this machine has."""
    for path in UNITS.glob("webhookd*.*"):
        text = path.read_text().replace("/usr/bin/webhookd", sys.executable)
        (tmp_path / path.name).write_text(text)
    return tmp_path


@needs_systemd_analyze
@pytest.mark.parametrize(
    "unit",
    ["webhookd.service", "webhookd@one.service", "webhookd-reload.path", "webhookd-reload.service"],
)
def test_systemd_finds_nothing_wrong_with_a_unit(units, unit):
    if "@" in unit:
        (units / unit).symlink_to(units / "webhookd@.service")
    done = analyze("verify", "--man=no", str(units / unit))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd_analyze
@pytest.mark.parametrize("unit", ["webhookd.service", "webhookd@.service"])
def test_the_exposure_of_the_daemon_is_at_most_one_and_a_half(unit):
    arguments = ("security", "--offline=true", "--threshold=15", "--no-pager")
    done = analyze(*arguments, str(UNITS / unit))

    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_an_instance_differs_from_the_single_daemon_in_its_names_alone():
    instance = [line.replace("webhookd-%i", "webhookd") for line in directives("webhookd@.service")]
    instance = [line.replace("webhookd %i:", "webhookd:") for line in instance]

    assert instance == directives("webhookd.service")


def test_the_reload_waits_less_long_than_systemd_does():
    text = (UNITS / "webhookd.service").read_text()
    (ours,) = re.findall(r"^ExecReload=.* --timeout (\d+)$", text, re.MULTILINE)
    (systemds,) = re.findall(r"^TimeoutStartSec=(\d+)$", text, re.MULTILINE)

    assert int(ours) < int(systemds)


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="the installer asks systemctl")
def test_the_installer_puts_every_file_where_systemd_looks(tmp_path):
    subprocess.run(
        ["/bin/sh", UNITS / "install"], env=os.environ | {"DESTDIR": str(tmp_path)}, check=True
    )
    installed = {path.name for path in tmp_path.rglob("*") if path.is_file()}

    assert installed >= {path.name for path in UNITS.glob("*.service")}
    assert installed >= {path.name for path in UNITS.glob("*.path")}
    library = tmp_path / "usr" / "local" / "lib"
    assert (library / "sysusers.d" / "webhookd.conf").is_file()
    assert (library / "tmpfiles.d" / "webhookd.conf").is_file()
    assert (library / "systemd" / "system" / "webhookd.service").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(
    os.environ.get(ASKED) != "yes",
    reason=f"it installs and starts a service; {ASKED}=yes asks for it, on a host to throw away",
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install a service")
@pytest.mark.skipif(
    not Path("/run/systemd/system").is_dir(), reason="systemd does not run on this machine"
)
@pytest.mark.timeout(900)
def test_on_this_host_the_service_does_what_its_unit_promises():
    done = subprocess.run(
        [sys.executable, CHECK], capture_output=True, text=True, check=False, timeout=900
    )

    assert done.returncode == 0, done.stdout + done.stderr
