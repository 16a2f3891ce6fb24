"""A configuration that is replaced without a signal: a ConfigMap's links, a checkout, a secret."""

import os
import signal
import threading

import pytest
import yaml

from tests.daemon import until
from tests.receiver import Receiver

EVERY = 0.1


def webhook(url, **more):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": url, "allow_http": True},
    } | more


@pytest.fixture
def receiver():
    with Receiver() as one:
        yield one


class ConfigMap:
    """A folder as kubelet fills it: each name a link into `..data`, which is a link itself."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self._count = 0

    def publish(self, files):
        """Replace all files at once, by renaming one link."""
        self._count += 1
        made = self.folder / f"..2026_{self._count}"
        made.mkdir()
        for name, content in files.items():
            (made / name).write_text(content)
        link = self.folder / "..data_tmp"
        link.symlink_to(made.name)
        link.rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")


def content(daemon, webhooks):
    """Return the text of a configuration that may lie in any folder."""
    place, daemon.config = daemon.config, daemon.folder / "draft.yaml"
    daemon.configure(webhooks)
    text = daemon.config.read_text()
    daemon.config = place
    return text.replace("path: crm", f"path: {daemon.folder / 'crm'}")


@pytest.fixture
def mapped(daemon, receiver):
    """Return a daemon that watches a ConfigMap, with one webhook, and what publishes others."""
    config = ConfigMap(daemon.folder / "conf")

    def publish(webhooks, **more):
        config.publish({"webhookd.yaml": content(daemon, webhooks)} | more)

    publish({"mirror": webhook(receiver.url)})
    daemon.config = config.folder
    daemon.start("--watch-config", "100ms")
    yield daemon, publish
    daemon.stop()


def rest():
    """Let a few looks pass."""
    threading.Event().wait(10 * EVERY)


def test_a_config_map_that_is_replaced_is_in_force_soon_and_once(mapped, receiver):
    daemon, publish = mapped
    publish({"mirror": webhook(receiver.url), "second": webhook(receiver.url + "/second")})
    until(lambda: daemon.named("config.reloaded"), "the reload")
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: {one.target for one in receiver.received} == {"/", "/second"}, "both")
    rest()

    assert len(daemon.named("config.reloaded")) == 1
    (seen,) = daemon.named("config.change_seen")
    assert [name.rpartition("/")[2] for name in seen["files"]] == ["webhookd.yaml"]


def test_a_file_more_in_the_folder_is_a_change(mapped, receiver):
    daemon, publish = mapped
    more = yaml.safe_dump({"version": 1, "webhooks": {"second": webhook(receiver.url)}})
    publish({"mirror": webhook(receiver.url)}, **{"more.yaml": more})
    until(lambda: daemon.named("config.reloaded"), "the reload")

    assert daemon.named("config.reloaded")[0]["webhooks"] == 2


def test_what_is_refused_is_told_once_until_it_changes(mapped, receiver):
    daemon, publish = mapped
    publish({"mirror": webhook("nonsense")})
    until(lambda: daemon.named("config.rejected"), "the refusal")
    rest()
    assert len(daemon.named("config.rejected")) == 1
    publish({"mirror": webhook("nonsense too")})
    until(lambda: len(daemon.named("config.rejected")) == 2, "the next refusal")
    publish({"mirror": webhook(receiver.url + "/now")})
    until(lambda: daemon.named("config.reloaded"), "the right one")
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: [one.target for one in receiver.received] == ["/now"], "a delivery")


def test_the_same_refused_content_under_other_files_is_no_news(mapped, receiver):
    """As a checkout makes them, of a commit that is about something else."""
    daemon, publish = mapped
    publish({"mirror": webhook("nonsense")})
    until(lambda: daemon.named("config.rejected"), "the refusal")
    for _ in range(3):
        publish({"mirror": webhook("nonsense")})
        rest()
    assert len(daemon.named("config.change_seen")) == len(daemon.named("config.rejected")) == 1

    publish({"mirror": webhook(receiver.url + "/now")})
    until(lambda: daemon.named("config.reloaded"), "the right one")
    publish({"mirror": webhook("nonsense")})
    until(lambda: len(daemon.named("config.rejected")) == 2, "the same once more, after another")


def test_a_secret_in_a_file_and_a_checkout_s_link_are_watched(daemon, receiver):
    releases = [daemon.folder / "release-1", daemon.folder / "release-2"]
    secret = daemon.folder / "token"
    secret.write_text("the-first-token")
    current = daemon.folder / "current"
    bearer = {"type": "bearer", "token": {"file": str(secret)}}
    for number, release in enumerate(releases, 1):
        release.mkdir()
        url = f"{receiver.url}/{number}"
        request = {"url": url, "allow_http": True, "authentication": bearer}
        text = content(daemon, {"mirror": webhook(url, request=request)})
        (release / "config.yaml").write_text(text)
    current.symlink_to(releases[0])
    daemon.config = current / "config.yaml"
    daemon.start("--watch-config", "100ms")

    secret.write_text("the-second-token")
    until(lambda: daemon.named("config.reloaded"), "the secret")
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: receiver.received, "a delivery")
    (daemon.folder / "next").symlink_to(releases[1])
    (daemon.folder / "next").rename(current)
    until(lambda: len(daemon.named("config.reloaded")) == 2, "the other release")
    daemon.drop_rows("2.ndjson", {"id": 2})
    until(lambda: len(receiver.received) == 2, "another delivery")
    assert daemon.stop() == 0

    told = [(one.target, one.headers["authorization"]) for one in receiver.received]
    assert told == [("/1", "Bearer the-second-token"), ("/2", "Bearer the-second-token")]
    assert "the-second-token" not in daemon.log


def test_a_file_that_is_touched_or_comes_back_changes_nothing(daemon, receiver):
    daemon.configure({"mirror": webhook(receiver.url)})
    daemon.start("--watch-config", "100ms")
    os.utime(daemon.config, (1, 1))
    until(lambda: daemon.named("config.unchanged"), "a look at the content")
    away = daemon.config.with_suffix(".away")
    daemon.config.rename(away)
    until(lambda: daemon.named("config.rejected"), "the file is gone")
    away.rename(daemon.config)
    until(lambda: len(daemon.named("config.unchanged")) == 2, "it is back")
    rest()

    assert len(daemon.named("config.rejected")) == 1
    assert daemon.stop() == 0


def test_without_the_setting_nothing_is_watched_and_a_signal_is_enough(daemon, receiver):
    daemon.configure({"mirror": webhook(receiver.url)})
    daemon.start()
    daemon.configure({"mirror": webhook(receiver.url + "/other")})
    rest()
    assert not daemon.named("config.reloaded")
    daemon.signal(signal.SIGHUP)
    until(lambda: daemon.named("config.reloaded"), "the reload")
    assert daemon.stop() == 0


def test_a_signal_that_comes_first_is_not_followed_by_another_reload(daemon, receiver):
    daemon.configure({"mirror": webhook(receiver.url)})
    daemon.start("--watch-config", "500ms")
    daemon.configure({"mirror": webhook(receiver.url + "/other")})
    daemon.signal(signal.SIGHUP)
    until(lambda: daemon.named("config.reloaded"), "the reload")
    threading.Event().wait(2)

    assert not daemon.named("config.unchanged")
    assert daemon.stop() == 0


@pytest.mark.parametrize("every", ["0s", "soon", "99ms", "2d", "-5s", "5"])
def test_a_wrong_interval_ends_with_78_and_is_named(daemon, receiver, every):
    daemon.configure({"mirror": webhook(receiver.url)})
    done = daemon.command("run", "--config", str(daemon.config), f"--watch-config={every}")

    assert done.returncode == 78
    assert "--watch-config" in done.stderr
    assert every in done.stderr
    assert "Traceback" not in done.stderr
