"""Names that the harness and the workers share."""

from __future__ import annotations

STATIC_DOCUMENTS = 400
ACCOUNTS = 10
BALANCE = 1000
COUNTERS = 5
#: The application name of all clients under test.
APP_NAME = "chaos"
PLACES = ("main", "loop", "tornado")
#: Written last, so that those who follow a stream know its end.
END = "end"
#: Seconds between two operations of one worker, in the mean, unless `--pace` says otherwise.
PACE = 0.2
