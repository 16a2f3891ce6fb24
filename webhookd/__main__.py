"""The command `webhookd`, and `python -m webhookd`: where the process begins.

The daemon notes signals before anything else is imported (`early_signals`).
"""

import sys

from webhookd import early_signals

_IS_DAEMON = sys.argv[1:2] == ["run"]
if _IS_DAEMON:
    early_signals.note()

from webhookd import utf8_mode  # noqa: E402 - signals are noted before that


def main() -> None:
    """Run the command line."""
    if _IS_DAEMON:
        utf8_mode.ensure(early_signals.NOTED, early_signals.noted)
    else:
        utf8_mode.ensure()
    utf8_mode.print_anything()
    from webhookd.cli import main as run  # noqa: PLC0415 - signals are noted before that

    run()


if __name__ == "__main__":
    main()
