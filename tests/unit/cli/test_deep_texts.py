"""JSON that is nested absurdly deep, where a person typed it or has it in a file."""

import pytest

from webhookd.cli import baseline, tried_change

DEEP = "[" * 100_000


def test_a_value_before_is_a_text_where_it_is_no_json():
    assert tried_change._like("7", DEEP) == f'"{DEEP}"'
    assert tried_change._like("7", "[" * 3) == '"[[["'


def test_a_file_that_is_no_status_is_told(tmp_path):
    path = tmp_path / "status.json"
    path.write_text(DEEP)

    with pytest.raises(baseline.StatusFileError, match="cannot be read"):
        baseline._saved(path)
