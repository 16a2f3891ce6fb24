"""The `OTEL_…` variables: what turns tracing on, and what is wrong with them."""

import pytest

from webhookd.config.settings import trace_settings
from webhookd.config.settings.trace_settings import ENDPOINT, TraceSettings
from webhookd.errors import ConfigError

AT = "http://127.0.0.1:4318"
ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": AT}


def read(**variables):
    return trace_settings.read(ON | {f"OTEL_{name}": text for name, text in variables.items()})


def test_an_endpoint_turns_it_on_and_nothing_else_does():
    assert trace_settings.read({}) is None
    assert trace_settings.read({"OTEL_TRACES_SAMPLER": "nonsense"}) is None
    assert read() == TraceSettings(ENDPOINT, f"{AT}/v1/traces", 0.01, "webhookd")
    assert read(EXPORTER_OTLP_ENDPOINT=f"{AT}/base/").endpoint == f"{AT}/base/v1/traces"
    given = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{AT}/own"}
    assert trace_settings.read(given).endpoint == f"{AT}/own"
    assert read(EXPORTER_OTLP_TRACES_ENDPOINT=f"{AT}/own").endpoint == f"{AT}/own"


@pytest.mark.parametrize(
    "off", [{"SDK_DISABLED": "true"}, {"SDK_DISABLED": "TRUE"}, {"TRACES_EXPORTER": "none"}]
)
def test_opentelemetrys_own_words_turn_it_off(off):
    assert read(**off) is None


@pytest.mark.parametrize(
    ("variables", "ratio"),
    [
        ({}, 0.01),
        ({"TRACES_SAMPLER_ARG": "0.5"}, 0.5),
        ({"TRACES_SAMPLER": "traceidratio", "TRACES_SAMPLER_ARG": "1e-3"}, 0.001),
        ({"TRACES_SAMPLER": "parentbased_traceidratio", "TRACES_SAMPLER_ARG": "0"}, 0),
        ({"TRACES_SAMPLER": "always_on", "TRACES_SAMPLER_ARG": "0.5"}, 1),
        ({"TRACES_SAMPLER": "parentbased_always_off"}, 0),
    ],
)
def test_samplers_by_ratio_are_known(variables, ratio):
    assert read(**variables).ratio == ratio


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("EXPORTER_OTLP_ENDPOINT", "grpc://collector:4317"),
        ("EXPORTER_OTLP_ENDPOINT", "http://"),
        ("EXPORTER_OTLP_ENDPOINT", "http://collector:99999"),
        ("EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("EXPORTER_OTLP_ENDPOINT", "http://a b"),
        ("EXPORTER_OTLP_TRACES_ENDPOINT", "nonsense"),
        ("EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("TRACES_SAMPLER", "traceidratoi"),
        ("TRACES_SAMPLER", "jaeger_remote"),
        ("TRACES_SAMPLER_ARG", "1.5"),
        ("TRACES_SAMPLER_ARG", "-0.1"),
        ("TRACES_SAMPLER_ARG", "nan"),
        ("TRACES_SAMPLER_ARG", "1%"),
        ("TRACES_SAMPLER_ARG", "1_0"),
        ("TRACES_EXPORTER", "jaeger"),
        ("SDK_DISABLED", "maybe"),
        ("EXPORTER_OTLP_TIMEOUT", "10s"),
        ("EXPORTER_OTLP_TIMEOUT", "0"),
        ("EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name_and_its_value(variable, text):
    with pytest.raises(ConfigError) as caught:
        read(**{variable: text})

    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"OTEL_{variable}: ")
    assert text in problem


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("EXPORTER_OTLP_ENDPOINT", "https://user:CANARY@collector"),
        ("EXPORTER_OTLP_ENDPOINT", "https://collector?key=CANARY"),
        ("EXPORTER_OTLP_HEADERS", "CANARY"),
        ("EXPORTER_OTLP_TRACES_HEADERS", "api-key=x,CANARY"),
    ],
)
def test_what_may_hold_a_secret_is_not_shown(variable, text):
    with pytest.raises(ConfigError) as caught:
        read(**{variable: text})

    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"OTEL_{variable}: holds a")
    assert "CANARY" not in problem


def test_a_sampler_that_is_nearly_one_is_named():
    with pytest.raises(ConfigError, match="did you mean 'traceidratio'"):
        read(TRACES_SAMPLER="traceidratoi")
