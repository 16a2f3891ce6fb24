"""What `sources properties` prints of what an API told, and of what it did not."""

from webhookd.cli.property_list import print_properties

STAGE = {"name": "Stage", "examples": ["Won"], "records": 1, "used_by": ["erp"]}


def told(**more):
    return {"object": "Deals", "looked_at": 2, "properties": [STAGE], **more}


def test_types_and_options_are_shown_where_the_api_tells_them(capsys):
    described = STAGE | {"type": "picklist", "label": "Stage", "options": ["Open", "Won"]}
    print_properties("crm", [told(properties=[described])], as_json=False)

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["Deals", "of", "crm,", "of", "2", "records"],
        ["PROPERTY", "EXAMPLE", "RECORDS", "USED", "BY", "TYPE", "OPTIONS"],
        ["Stage", "Won", "1", "erp", "picklist", "Open,", "Won"],
    ]


def test_what_the_api_did_not_tell_is_said_beside_what_the_records_have(capsys):
    print_properties("crm", [told(untold="the API answered 403")], as_json=False)

    shown = capsys.readouterr()
    assert shown.err == "types and options could not be had: the API answered 403\n"
    assert "Won" in shown.out
    assert "TYPE" not in shown.out
