"""Containerfile, Compose and Kubernetes: what they set is what webhookd reads, and holds together.

The image itself is built and tried by `make image`, which takes minutes and root.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests import forked
from tests.daemon import PATIENCE
from webhookd import __version__
from webhookd.config.settings.process_settings import Settings
from webhookd.process.parts import LAST_EXPORT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = (ROOT / "Containerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PAGE = (ROOT / "docs" / "containers.md").read_text()
DAEMONS = {name: one for name, one in COMPOSE["services"].items() if name.startswith("webhookd")}
KUBECTL = shutil.which("kubectl")
BIN = Path(sys.executable).parent
WAYS = ("sqlite", "postgresql")
USER = 65532

needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


def stages():
    """Return the instructions of each stage of the Containerfile: word and rest."""
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", CONTAINERFILE, flags=re.MULTILINE))
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    found = []
    for word, rest in lines:
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def image_environment():
    (written,) = (rest for word, rest in stages()[-1] if word == "ENV")
    return dict(pair.split("=", 1) for pair in written.split())


def settings(environment):
    """Return *environment* as settings: every WEBHOOKD_ name must be one, and its value right."""
    names = {f"WEBHOOKD_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in environment if name.startswith("WEBHOOKD_")} <= names
    return Settings.from_environment(image_environment() | environment)


def made(way):
    """Return what Kustomize makes of one of the two ways, by kind."""
    words = [KUBECTL, "kustomize", DEPLOY / "kubernetes" / way]
    done = subprocess.run(words, capture_output=True, check=True, text=True, timeout=PATIENCE)
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}


def workload(way):
    found = made(way)
    return found.get("StatefulSet") or found["Deployment"]


def pod(way):
    return workload(way)["spec"]["template"]["spec"]


def grace(seconds):
    """Return whether *seconds* are enough for the daemon's own end."""
    longest = settings({"WEBHOOKD_SHUTDOWN_TIMEOUT": "30s"}).shutdown_timeout
    return timedelta(seconds=seconds) > longest + timedelta(seconds=LAST_EXPORT)


def checked(folder, secrets):
    environment = os.environ | {"CREDENTIALS_DIRECTORY": str(secrets)}
    words = ("check", "--config", str(folder))
    done = forked.run(words, folder=secrets, environment=environment, timeout=PATIENCE)
    return done.returncode, done.stderr


def test_the_containerfile_has_no_known_fault():
    words = [BIN / "hadolint", "--format", "json", ROOT / "Containerfile"]
    done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=PATIENCE)

    assert json.loads(done.stdout) == []


def test_the_image_runs_the_daemon_as_a_user_of_its_own_by_number():
    last = dict(stages()[-1])

    assert last["USER"] == f"{USER}:{USER}"
    assert last["ENTRYPOINT"] == '["webhookd"]'
    assert last["CMD"] == '["run"]'
    assert str(USER) in PAGE


def test_nothing_of_the_image_needs_a_shell():
    words = [rest for stage in stages() for word, rest in stage if word in {"RUN", "CMD"}]

    assert all(re.search(r"\[.*\]$", rest) for rest in words), words


def test_the_build_copies_what_the_wheel_is_made_of_and_may_see_no_more():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        name
        for stage in stages()
        for word, rest in stage
        if word == "COPY" and "--from" not in rest
        for name in [one for one in rest.split() if not one.startswith("--")][:-1]
    }

    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert "*" in ignored
    assert all((ROOT / name).exists() for name in copied)


def test_the_settings_of_the_image_are_settings():
    found = settings({})

    assert str(found.config) == "/etc/webhookd"
    assert str(found.state_directory) == "/var/lib/webhookd"
    assert found.admin_socket({}) == "unix:/var/lib/webhookd/admin.sock"


def test_compose_takes_its_file():
    words = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*words, DEPLOY / "compose.yaml"], capture_output=True, check=False, text=True
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_of_compose_is_shut_in_and_has_settings_that_are_some(name):
    one = DAEMONS[name]
    environment = {key: value.replace("${POSTGRES_PASSWORD:-}", "pw") for key, value in
                   one["environment"].items()}  # fmt: skip

    found = settings(environment)
    assert found.metrics_address == "0.0.0.0:9464"
    assert found.watch_config == timedelta(seconds=5)
    assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert grace(float(one["stop_grace_period"].removesuffix("s")))
    assert one["image"] == f"webhookd:{__version__}"
    mounted = dict(volume.split(":")[1::-1] for volume in one["volumes"])
    assert mounted["/etc/webhookd"] == "./configuration"
    assert mounted[environment["CREDENTIALS_DIRECTORY"]] == "./secrets"
    assert mounted["/var/lib/webhookd"] in COMPOSE["volumes"]


def test_compose_has_one_daemon_with_a_file_and_two_with_a_postgresql():
    profiles = [tuple(one["profiles"]) for one in DAEMONS.values()]
    states = {one["volumes"][-1] for one in DAEMONS.values()}
    hosts = [one["environment"].get("WEBHOOKD_HOST") for one in DAEMONS.values()]

    assert sorted(profiles) == [("postgresql",), ("postgresql",), ("sqlite",)]
    assert len(states) == len(set(hosts)) == 3


def test_the_configurations_are_right(tmp_path):
    (tmp_path / "hubspot-token").write_text("pat-eu1-a-token-of-the-tests")

    assert checked(DEPLOY / "configuration", tmp_path)[0] == 0
    assert checked(DEPLOY / "kubernetes" / "base" / "configuration", tmp_path)[0] == 0


@needs_kubectl
@pytest.mark.parametrize("way", WAYS)
def test_kubernetes_takes_what_kustomize_makes(way):
    for one in made(way).values():
        kubernetes_validate.validate(one, "1.37", strict=True)
        broken = json.loads(json.dumps(one)) | {"specs": {}}
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, "1.37", strict=True)


@needs_kubectl
@pytest.mark.parametrize("way", WAYS)
def test_a_pod_is_restricted(way):
    """As the Pod Security Standard of that name has it, which the namespace enforces."""
    namespace = made(way)["Namespace"]["metadata"]["labels"]
    found = pod(way)

    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    assert found["securityContext"]["runAsNonRoot"] is True
    assert found["securityContext"]["runAsUser"] == found["securityContext"]["fsGroup"] == USER
    assert found["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found["automountServiceAccountToken"] is False
    assert [one["name"] for one in found["containers"]] == ["webhookd", "console"]
    for one in found["containers"]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["image"] == f"registry.example.com/webhookd:{__version__}"


@needs_kubectl
@pytest.mark.parametrize("way", WAYS)
def test_a_pod_is_probed_where_health_is_served_and_has_time_to_end(way):
    found = pod(way)
    daemon, console = found["containers"]
    environment = {one["name"]: one.get("value", "postgresql://u@h/d") for one in daemon["env"]}

    metrics = settings({**environment, "WEBHOOKD_HOST": "a-pod"}).metrics_address
    (port,) = daemon["ports"]
    assert (metrics, port["name"]) == (f"0.0.0.0:{port['containerPort']}", "metrics")
    assert {daemon[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness")} == {
        "/readyz"
    }
    assert daemon["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert made(way)["Service"]["spec"]["ports"][0]["port"] == port["containerPort"]
    assert grace(found["terminationGracePeriodSeconds"])
    assert "ports" not in console


@needs_kubectl
@pytest.mark.parametrize("way", WAYS)
def test_a_changed_configmap_reaches_the_daemon(way):
    """Mounted as a folder, under a name that stays, and looked at."""
    found, daemon = made(way), pod(way)["containers"][0]

    assert found["ConfigMap"]["metadata"]["name"] == "webhookd"
    assert not any("subPath" in one for one in daemon["volumeMounts"])
    mounts = {one["name"]: one["mountPath"] for one in daemon["volumeMounts"]}
    environment = {one["name"]: one.get("value") for one in daemon["env"]}
    assert mounts["configuration"] == image_environment()["WEBHOOKD_CONFIG"]
    assert mounts["state"] == image_environment()["WEBHOOKD_STATE_DIRECTORY"]
    assert mounts["secrets"] == environment["CREDENTIALS_DIRECTORY"]
    assert environment["WEBHOOKD_WATCH_CONFIG"] == "5s"


@needs_kubectl
def test_one_daemon_has_a_volume_and_several_have_a_database():
    alone, several = made("sqlite")["StatefulSet"], made("postgresql")["Deployment"]

    assert alone["spec"]["replicas"] == 1
    (claim,) = alone["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "state"
    assert several["spec"]["replicas"] > 1
    names = {one["name"]: one for one in pod("postgresql")["containers"][0]["env"]}
    assert "secretKeyRef" in names["WEBHOOKD_DATABASE_URL"]["valueFrom"]
    assert names["WEBHOOKD_HOST"]["valueFrom"]["fieldRef"] == {"fieldPath": "metadata.name"}
