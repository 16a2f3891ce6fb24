"""`python -m webhookd` is the command `webhookd`."""

from webhookd.cli import main

main()
