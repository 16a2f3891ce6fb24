"""The stages that the profile watches are there: what moves takes its clock along."""

from benchmarks.profiled_daemon import STAGES


def test_every_stage_of_the_profile_is_there():
    missing = [f"{owner.__name__}.{name}" for owner, name, _ in STAGES if not hasattr(owner, name)]

    assert missing == []
