"""Checks on a real host what the unit files promise: `python3 check.py`, as root.

It installs the units beside /usr/bin/webhookd, runs the daemon under them, and takes everything
away again. It refuses a host that has a webhookd of its own. Exit 0 when all checks held.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import host
from host import FailedError, Receiver, drop, journal, run, shown, until, well

Check: TypeAlias = Callable[[Receiver], None]


def expect(held: object, what: str) -> None:
    """Fail unless *held*."""
    if not held:
        raise FailedError(what)


def delivers(receiver: Receiver, record_id: int, secret: str) -> None:
    """Drop a record; expect the right request."""
    count = len(receiver.received)
    drop(f"{record_id}.ndjson", record_id)
    request = receiver.wait_for(count + 1, "a request")
    expect(request.is_signed_with(secret, f"{receiver.url}/hook"), f"signed with {secret}")
    expect(request.authorization == "Bearer a-key", "the key comes from the credential")


def starts_and_delivers_what_a_producer_drops(receiver: Receiver) -> None:
    well("systemctl", "start", "webhookd")
    expect(shown("ActiveState") == "active", "active")
    delivers(receiver, 1, "first-secret")
    until(lambda: "1 webhook, 0 failing; 0 deliveries pending" in shown("StatusText"), "status")


def is_confined(_: Receiver) -> None:
    well("systemd-analyze", "security", "--threshold=15", "--no-pager", "webhookd.service")
    expect(Path("/var/lib/webhookd").stat().st_mode & 0o777 == 0o750, "others see no state")
    expect(not run("runuser", "-u", host.PRODUCER, "--", "ls", "/var/lib/webhookd").stdout, "none")
    expect("source.unwatched" not in journal(), "the kernel's wake-ups work in the sandbox")


def a_good_reload_succeeds(receiver: Receiver) -> None:
    text = host.configuration(receiver.url)
    host.write(host.CONFIG, text.replace("/hook", "/other"))
    well("systemctl", "reload", "webhookd")
    count = len(receiver.received)
    drop("2.ndjson", 2)
    expect(receiver.wait_for(count + 1, "a request").path == "/other", "the new URL")
    host.write(host.CONFIG, text)
    well("systemctl", "reload", "webhookd")


def a_bad_reload_fails_and_the_old_configuration_delivers(receiver: Receiver) -> None:
    host.write(host.CONFIG, host.configuration(receiver.url, nonsense=1))
    done = run("systemctl", "reload", "webhookd")
    expect(done.returncode != 0, "systemctl reload must fail")
    expect(shown("ActiveState") == "active", "still active")
    delivers(receiver, 3, "first-secret")
    errors = journal("-p", "err")
    expect("config.rejected" in errors, "the refusal has the priority of an error")
    expect("daemon.ready" not in errors, "only errors have")
    host.write(host.CONFIG, host.configuration(receiver.url))


def a_reload_takes_a_rotated_secret(receiver: Receiver) -> None:
    host.write(host.SECRET, "second-secret\n")
    well("systemctl", "reload", "webhookd")
    delivers(receiver, 4, "second-secret")


def a_daemon_that_hangs_is_aborted_with_its_stacks_and_restarted(receiver: Receiver) -> None:
    before = int(shown("NRestarts"))
    well("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "webhookd")
    until(lambda: int(shown("NRestarts")) > before, "a restart by the watchdog")
    until(lambda: shown("ActiveState") == "active", "active again")
    expect("Current thread" in journal(), "the stacks are in the journal")
    delivers(receiver, 5, "second-secret")


def nothing_is_lost_by_a_kill(receiver: Receiver) -> None:
    before, count = int(shown("NRestarts")), len(receiver.received)
    receiver.status = 503
    for record_id in range(10, 20):
        drop(f"{record_id}.ndjson", record_id)
    until(lambda: len({one.id for one in receiver.received[count:]}) == 10, "ten first attempts")
    well("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "webhookd")
    until(lambda: int(shown("NRestarts")) > before, "a restart")
    refused = {one.id for one in receiver.received[count:]}
    receiver.status, count = 200, len(receiver.received)
    until(lambda: {one.id for one in receiver.received[count:]} >= refused, "all ten again")
    until(lambda: "0 failing; 0 deliveries pending" in shown("StatusText"), "all are settled")


def a_stop_lets_attempts_end(receiver: Receiver) -> None:
    receiver.delay, count = 3.0, len(receiver.received)
    drop("30.ndjson", 30)
    request = receiver.wait_for(count + 1, "a request")
    well("systemctl", "stop", "webhookd")
    receiver.delay = 0.0
    expect(shown("Result") == "success", "a clean end")
    lines = journal().splitlines()
    told = [line for line in lines if request.id in line and '"outcome": "delivered"' in line]
    expect(told, "what was under way is delivered")


def a_bad_configuration_is_not_tried_again(receiver: Receiver) -> None:
    host.write(host.CONFIG, "version: 1\nnonsense: 1\n")
    expect(run("systemctl", "start", "webhookd").returncode != 0, "the start must fail")
    expect(shown("ActiveState") == "failed", "failed")
    expect(shown("ExecMainStatus") == "78", "exit 78")
    expect("config.yaml:2:1: nonsense: unknown key" in journal("-p", "err"), "says where and what")
    host.write(host.CONFIG, host.configuration(receiver.url))
    well("systemctl", "start", "webhookd")


def an_instance_lives_beside(receiver: Receiver) -> None:
    spool = Path("/var/spool/webhookd-two/crm")
    spool.mkdir(parents=True)
    shutil.chown(spool, "webhookd", "webhookd")
    text = host.configuration(receiver.url).replace(str(host.SPOOL), str(spool))
    # A credential is given to one unit; this instance has none.
    text = text.replace('"credential": "erp-key"', f'"file": "{host.SECRET}"')
    host.write(Path("/etc/webhookd-two/config.yaml"), text)
    well("systemctl", "start", "webhookd@two")
    well("systemctl", "reload", "webhookd@two")
    expect("config.unchanged" in journal(unit="webhookd@two"), "its reload reaches it")
    expect(Path("/var/lib/webhookd-two/webhookd.db").exists(), "a database of its own")
    well("systemctl", "stop", "webhookd@two")
    well("systemctl", "reload", "webhookd")


def a_commit_reloads(receiver: Receiver) -> None:
    if shutil.which("git") is None:
        return
    author = ("-c", "user.name=check", "-c", "user.email=check@localhost")
    git = ("git", "-C", "/etc/webhookd", *author)
    for command in (["init", "-q"], ["add", "config.yaml"], ["commit", "-qm", "first"]):
        well(*git, *command)
    well("systemctl", "start", "webhookd-reload.path")
    before = journal().count('"config.reloaded"')
    text = host.configuration(receiver.url).replace("/hook", "/committed")
    host.write(host.CONFIG, text)
    well(*git, "commit", "-qam", "second")
    until(lambda: journal().count('"config.reloaded"') > before, "a reload")
    # At once: the unit that reloads may still be at the commit before.
    host.write(host.CONFIG, "nonsense: 1\n")
    well(*git, "commit", "-qam", "third")
    until(lambda: shown("ActiveState", "webhookd-reload.service") == "failed", "shown as failed")
    well(*git, "reset", "-q", "--hard", "HEAD~2")
    until(lambda: journal().count('"config.reloaded"') > before + 1, "the way back")
    delivers(receiver, 40, "second-secret")


CHECKS: tuple[Check, ...] = (
    starts_and_delivers_what_a_producer_drops,
    is_confined,
    a_good_reload_succeeds,
    a_bad_reload_fails_and_the_old_configuration_delivers,
    a_reload_takes_a_rotated_secret,
    a_daemon_that_hangs_is_aborted_with_its_stacks_and_restarted,
    nothing_is_lost_by_a_kill,
    a_stop_lets_attempts_end,
    a_bad_configuration_is_not_tried_again,
    an_instance_lives_beside,
    a_commit_reloads,
)


def main() -> int:
    """Run every check in turn: each begins where the one before ended."""
    refusals = host.refusals()
    if refusals:
        print(*refusals, sep="\n", file=sys.stderr)
        return 2
    receiver = Receiver()
    try:
        host.install(receiver.url)
        for check in CHECKS:
            name = check.__name__.replace("_", " ")
            print(f"{name} ...", end=" ", flush=True)
            check(receiver)
            print("yes")
    except FailedError as error:
        print(f"NO: {error}\n{journal('-n', '40')}")
        return 1
    finally:
        host.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
