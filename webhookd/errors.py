"""Every error webhookd raises on purpose.

WebhookdError
├── ConfigError               the configuration is wrong; carries every problem found
├── OtherVersionError         a document that another version wrote cannot be read
├── SourceError               a source cannot be read; the daemon and its other sources go on
│   ├── BrokenFileError       a file cannot be read to its end
│   ├── NotAcceptedError      a file that was set aside cannot be accepted
│   ├── NoFileError           a source has no such file, folder or report
│   └── PollError             an API did not answer as it should
├── TokenError                no token is to be had that a request could carry
├── StorageError              the database cannot be used
│   ├── DatabaseUrlError      libpq does not understand the URL of the database
│   ├── UncertainError        the connection was lost during a commit
│   ├── DeadlockError         the server undid a transaction that waited in a circle
│   ├── ExpiredError          other daemons waited longer than this one's lease
│   ├── NewDatabaseError      there is nothing where a database was
│   └── DatabaseLostError     another process has the database for good
├── NotHeldError              another daemon does what this one did, which has not noticed yet
├── StateLockedError          another daemon works on the same state directory or database
│   └── WrongVersionError     the database was upgraded beyond this daemon meanwhile
├── BackfillError             a webhook cannot be backfilled, or not any further
│   ├── TakenOverError        another daemon goes on with the backfill
│   └── UnknownBackfillError  there is no such webhook, or no backfill of it
├── BulkChangeError           another change of many deliveries by hand is under way
├── SeveralRecordsError       several sources have a record that is to be forgotten
├── EndedEarlyError           a change of many deliveries by hand did not come to its end
├── NotTestedError            a webhook or a draft may not be sent as a test
├── TooManyTestsError         a test is on its way, or many were sent in the last minute
├── TooManyWatchersError      as many streams of events are open as may be
├── ReloadRefusedError        a configuration is right and cannot be put in force
├── UnknownNameError          neither the configuration nor the database knows a name
├── UnknownRecordError        no record is known by an id
├── NoDeliveryError           no delivery has an id that was typed
├── SeveralDeliveriesError    an id that was typed fits several deliveries
├── AddressError              the daemon cannot listen at an address
├── NoDaemonError             no daemon answers a command
├── LostError                 the daemon went away in the middle of its answer
├── RefusedError              the daemon understood a command and refused
├── UnreadableAnswerError     the daemon answered a command with what cannot be read
├── NoSuchWebhookError        `test`: no webhook of that name is in the file
├── NoSuchRecordError         `test`: no such record, or no change of it, is known
├── NotFiringError            `test`: the record does not fire, and was not sent
├── NotDeliveredError         `test`: the request got no 2xx answer
├── ConsoleAddressError       `console`: nothing can listen at the address
├── NoConsoleError            `console --link`: no console runs at the port
├── StaysHeldError            `resume`: the webhook is held for another reason
├── NoSuchPropertyError       `backfill`: no known record has a property that --where names
├── EarlyEndError             `backfill`: it ended before every record was looked at
├── NoReplayError             `plan --replay`: the changes asked for cannot be replayed
├── NoSuchPresetError         `presets show`: no preset of that name is shipped
├── NoSuchObjectError        `sources properties`: there is no such source, or no such object
├── NotTriedError            `sources try`: there is no such source or object, or it cannot be tried
├── StatusFileError           `plan`: a saved status cannot be read
├── ListenError               `listen`: nothing can listen at the address
├── MissingSecretError        `listen`: the variable with the secret to verify with is not set
├── DeskError                 a developer's URL cannot be sent to, or did not answer 2xx
├── InitError                 `init`: a configuration cannot be begun there
└── DemoError                 `demo`: its daemon did not do what it should

A failed *attempt* is not an error: it is an `Outcome` (see `webhookd.model`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def printable(text: str) -> str:
    """Return *text* with control characters written out, so that it stays one harmless line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def counted(number: int, noun: str) -> str:
    """Return how many there are, as people write it: `1 delivery`, `1,200 deliveries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{number:,} {noun}s"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file, and where.

    *line* and *column* count from 1; *where* is the dotted path of the key
    (`webhooks.new-customer.request.method`), empty for the file as a whole. Line 0 means that
    there is no place: the file cannot be read, or *file* names a setting of the process.
    """

    file: str
    line: int
    column: int
    where: str
    message: str

    def __str__(self) -> str:
        """Return the one line that people and editors read."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return printable(": ".join(filter(None, (place, self.where, self.message))))


class WebhookdError(Exception):
    """Something went wrong in a way that the message explains and a person can mend."""

    exit_code = 1

    def end_with(self, exit_code: int) -> None:
        """Have the command that this error ends exit with another code than errors of its kind."""
        self.exit_code = exit_code


class ConfigError(WebhookdError):
    """The configuration is wrong.

    *problems* are all that were found, in file order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SourceError(WebhookdError):
    """A source cannot be read now; the daemon and its other sources go on."""


class TokenError(WebhookdError):
    """No token is to be had that a request could carry; the message says from whom, and why."""


class StorageError(WebhookdError):
    """The database cannot be opened, read or written."""


class DatabaseUrlError(StorageError):
    """The URL of the database is not one that libpq understands: a fault of the configuration."""


class NotHeldError(WebhookdError):
    """What was to be written is another daemon's to write by now; it is not tried again."""


class StateLockedError(WebhookdError):
    """Another daemon works on the same state directory or database."""


class WrongVersionError(StateLockedError):
    """The database was upgraded while this daemon was away from it, and is others' to work on."""
