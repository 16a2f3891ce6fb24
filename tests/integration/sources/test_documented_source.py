"""The source that the documents show is one that works."""

import asyncio
import json
import re
from pathlib import Path

from tests.polls import everything, polling, settings
from webhookd.storage.records.cursors import Polls

PAGE = Path(__file__).parents[3] / "docs" / "sources.md"


def test_the_source_of_the_documents_reads_what_changed(url, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 - it is our own page
    file = tmp_path / "things.json"
    jobs = {}

    def schedule(_period, work, name):
        jobs[name] = work
        return lambda: jobs.pop(name)

    async def scenario():
        async with polling(url, settings(), everything("things")) as polls:
            source = names["JsonFile"](
                "crm",
                file,
                take=polls.intake.take,
                ledger=Polls(polls.writer),
                schedule=schedule,
            )
            await source.prepare()
            task = asyncio.create_task(source.run())
            await asyncio.sleep(0)
            for content in ({"1": {"a": 1}}, {"1": {"a": 1}}, {"1": {"a": 2}, "2": {}}):
                file.write_text(json.dumps(content))
                await jobs["crm/things"]()
            task.cancel()
            await asyncio.wait([task])
            return polls.news()

    assert asyncio.run(scenario()) == [
        ("1", "created", {"a": 1}),
        ("1", "updated", {"a": 2}),
        ("2", "created", {}),
    ]
    assert jobs == {}
