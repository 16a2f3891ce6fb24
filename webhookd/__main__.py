"""The command `webhookd`, and `python -m webhookd`: where the process begins.

The daemon notes signals before anything else is imported (`early_signals`).
"""

import sys

if sys.argv[1:2] == ["run"]:
    from webhookd import early_signals

    early_signals.note()


def main() -> None:
    """Run the command line."""
    from webhookd.cli import main as run  # noqa: PLC0415 - signals are noted before that

    run()


if __name__ == "__main__":
    main()
