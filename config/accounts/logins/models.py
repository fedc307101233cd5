"""Counts recent attempts to log in."""

import datetime
from dataclasses import dataclass
from typing import Any, Self

from django.db import connection, models
from django.db.models import F
from django.utils import timezone

WINDOW = datetime.timedelta(minutes=15)
LIFTED = -1000  # a count so low that no limit is reached within the window

# Uses up one attempt; returns no row if none is left. One statement, so that simultaneous attempts can't exceed the
# limit. A refused attempt changes nothing, so the wait does not grow.
TAKE = """
INSERT INTO logins_attempts AS taken (key, count, since) VALUES (%(key)s, 1, now())
ON CONFLICT (key) DO UPDATE
    SET count = CASE WHEN taken.since > now() - %(window)s THEN taken.count + 1 ELSE 1 END,
        since = CASE WHEN taken.since > now() - %(window)s THEN taken.since ELSE now() END
    WHERE taken.count < %(limit)s OR taken.since <= now() - %(window)s
RETURNING key
"""

# Each attempt deletes up to ten rows that no longer count, and creates at most two. SKIP LOCKED, so that nobody waits.
# An array, because PostgreSQL may run the subquery of an IN once per row, and so delete all rows.
FORGET = """
DELETE FROM logins_attempts WHERE key = ANY (ARRAY (
    SELECT key FROM logins_attempts WHERE since <= now() - %(window)s ORDER BY since LIMIT 10 FOR UPDATE SKIP LOCKED
))
"""
WAIT = """
SELECT coalesce(max(extract(epoch FROM since + %(window)s - now())), 0)::int FROM logins_attempts WHERE key = %(key)s
"""


@dataclass(frozen=True)
class Limit:
    """At most `attempts` per WINDOW for one key."""

    key: str
    attempts: int

    def take(self) -> bool:
        """Uses up one attempt. False if none was left."""
        with connection.cursor() as cursor:
            cursor.execute(FORGET, self._values())
            cursor.execute(TAKE, self._values())
            return cursor.fetchone() is not None

    def wait(self) -> int:
        """Seconds until the next attempt is allowed."""
        with connection.cursor() as cursor:
            cursor.execute(WAIT, self._values())
            return max(1, int(cursor.fetchone()[0]))

    def _values(self) -> dict[str, Any]:
        return {"key": self.key, "limit": self.attempts, "window": WINDOW}


class AttemptsQuerySet(models.QuerySet["Attempts"]):
    def under(self, *keys: str) -> Self:
        return self.filter(key__in=keys)

    def give_back(self, *keys: str) -> None:
        """Takes one attempt off the count of each key, after a successful login."""
        self.under(*keys).update(count=F("count") - 1)

    def lift(self, *keys: str) -> None:
        """Lifts the limits of these keys for one WINDOW."""
        for key in keys:
            self.update_or_create(key=key, defaults={"count": LIFTED, "since": timezone.now()})


class Attempts(models.Model):
    """The number of attempts for one key since the first one in the window."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.IntegerField()
    since = models.DateTimeField()

    objects = AttemptsQuerySet.as_manager()

    class Meta:
        # FORGET
        indexes = (models.Index(fields=("since",), name="attempts_since"),)

    def __str__(self) -> str:
        return f"{self.count} since {self.since}"
