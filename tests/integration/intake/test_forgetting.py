"""A record that is forgotten while a batch of it is under way: nothing comes back."""

import asyncio
import threading
from functools import partial

from tests.integration.intake.test_batch import EVERYTHING
from tests.making import NOW, a_webhook
from tests.taking import Taking
from webhookd.storage import forgotten_records
from webhookd.storage.database.connection import EXCLUSIVE

KEY = ("export", "contacts", "7")
HELD = (
    "SELECT CAST(properties AS TEXT) FROM known_records UNION ALL"
    " SELECT CAST(properties AS TEXT) FROM changes UNION ALL"
    " SELECT CAST(before AS TEXT) FROM changes UNION ALL"
    " SELECT CAST(body AS TEXT) FROM deliveries"
)


async def forget(taking):
    def erase(connection):
        numbers = forgotten_records.numbers(connection, KEY, above=0)
        forgotten_records.erase_deliveries(connection, numbers, NOW)
        forgotten_records.erase_record(connection, KEY)

    await taking.writer.write(erase, EXCLUSIVE)


def test_what_was_compared_before_is_compared_anew(url):
    """Deciding is over, and the record is forgotten before anything is stored."""

    async def work():
        async with Taking(url, a_webhook(trigger=EVERYTHING)) as taking:
            await taking.take(("7", {"x": '"canary"'}), ("8", {"x": '"other"'}))
            decide, looks = taking.intake._decide, []

            def decided(batch, entries, loop):
                decision = decide(batch, entries)
                looks.append(threading.current_thread())
                if len(looks) == 1:
                    asyncio.run_coroutine_threadsafe(forget(taking), loop).result()
                return decision

            taking.intake._decide = partial(decided, loop=asyncio.get_running_loop())
            await taking.take(("7", {"x": '"later"'}))
            held = [text for (text,) in await taking.rows(HELD) if text is not None]
            kinds = await taking.rows("SELECT change FROM deliveries ORDER BY number")
            return len(looks), held, kinds

    looks, held, kinds = asyncio.run(work())

    assert looks == 2
    assert not [text for text in held if "canary" in text]
    assert [text for text in held if "later" in text]
    # Of what was there before nobody knows: it is new.
    assert [kind for (kind,) in kinds] == ["created", "created", "created"]


def test_the_journal_has_room_for_what_is_compared_twice(url):
    """The entries of the first try are not counted."""

    async def work():
        async with Taking(url, a_webhook(trigger=EVERYTHING)) as taking:
            await taking.take(("7", {"x": '"canary"'}))
            await forget(taking)
            await taking.take(("7", {"x": '"later"'}))
            return await taking.rows("SELECT record_id FROM changes")

    assert asyncio.run(work()) == [("7",)]


def test_moments_and_lists_of_it_go_and_those_of_others_stay(url):
    async def work():
        async with Taking(url, a_webhook(trigger=EVERYTHING)) as taking:

            def fill(connection):
                for number, object_ in ((1, "contacts"), (2, "deals")):
                    connection.execute(
                        "INSERT INTO timers (number, webhook, kind, source, object, digest, since)"
                        " VALUES (?, ?, 'wait', 'export', ?, '', 0)",
                        (number, f"mirror-{number}", object_),
                    )
                    for id_ in ("7", "8"):
                        connection.execute(
                            "INSERT INTO moments (timer, record_id, at, last) VALUES (?, ?, 1, ?)",
                            (number, id_, b"{}"),
                        )
                for id_ in ("7", "8"):
                    connection.execute(
                        "INSERT INTO list_members (source, object, list, record_id, pass, joined)"
                        " VALUES ('export', 'contacts', 'vips', ?, 1, 1)",
                        (id_,),
                    )

            await taking.writer.write(fill)
            await forget(taking)
            moments = "SELECT timer, record_id FROM moments ORDER BY timer, record_id"
            members = "SELECT record_id FROM list_members"
            return await taking.rows(moments), await taking.rows(members)

    moments, members = asyncio.run(work())

    assert [tuple(one) for one in moments] == [(1, "8"), (2, "7"), (2, "8")]
    assert [tuple(one) for one in members] == [("8",)]
