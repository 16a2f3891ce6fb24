"""The options of `webhookd run`: one for each setting of the process, with its words."""

from typer import Typer
from typer.main import get_command

from webhookd.cli.run import run
from webhookd.config.settings.process_settings import Settings

NOT_FOR_ARGUMENTS = {"admin_token", "admin_token_file"}


def options():
    app = Typer(add_completion=False)
    app.command()(run)
    return {one.name: one for one in get_command(app).params}


def test_there_is_an_option_for_each_setting_but_the_token():
    settings = Settings.model_fields.keys() - NOT_FOR_ARGUMENTS
    # For one start alone, or where settings come from, so they are none that stay there.
    assert options().keys() == settings | {"new_database", "env_file"}


def test_an_option_says_what_its_setting_means_and_its_default_on_a_terminal():
    found = options()

    assert found["retention"].help == (
        "How long settled deliveries are kept.  [env: WEBHOOKD_RETENTION; default: 30d]"
    )
    assert found["database_url"].help == (
        "The database: sqlite:///PATH, or postgresql://HOST/NAME."
        "  [env: WEBHOOKD_DATABASE_URL; default: sqlite:///<state>/webhookd.db]"
    )
    assert found["host"].metavar == "NAME"
    assert found["config"].opts == ["--config", "-c"]
