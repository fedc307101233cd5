"""The answers that a retry gets again."""

import datetime
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.db import connection, models
from django.http import HttpResponse
from rest_framework.request import Request

from config.errors import IdempotencyKeyReused, InvalidHeader

LIFETIME = datetime.timedelta(hours=24)
KEY_LENGTH = 255
KEY_PATTERN = r'^([\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}|"[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}")$'
KEY = re.compile(KEY_PATTERN)

# Waits for another transaction that is just using the key. Gives a row when the key is this caller's to use: it was
# new, or too old to count; no row when there is an answer to it.
CLAIM = """
INSERT INTO idempotency_storedanswer AS stored (caller, key, fingerprint, created_at, status, headers, body)
VALUES (%(caller)s, %(key)s, %(fingerprint)s, now(), 0, '{}', '')
ON CONFLICT (caller, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, created_at = excluded.created_at
    WHERE stored.created_at < now() - %(lifetime)s
RETURNING id
"""

# Each use of a key takes away a few that are too old, so that their number stays that of a day; SKIP LOCKED: nobody
# waits for another who does the same. An array, because PostgreSQL may run the subquery of an IN once per row, and so
# delete them all.
FORGET = """
DELETE FROM idempotency_storedanswer WHERE id = ANY (ARRAY (
    SELECT id FROM idempotency_storedanswer WHERE created_at < now() - %(lifetime)s
     ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED
))
"""


class StoredAnswer(models.Model):
    """A key of one caller, with what the request that first used it was answered."""

    caller = models.TextField()
    key = models.CharField(max_length=KEY_LENGTH)
    fingerprint = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    status = models.SmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("caller", "key"), name="storedanswer_caller_key"),)
        # FORGET
        indexes = (models.Index(fields=("created_at",), name="storedanswer_created"),)

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"

    @classmethod
    def claim(cls, caller: str, key: str, data: Any) -> "StoredAnswer":
        """The row of this key, inside a transaction: with status 0 when the request is to be carried out.

        Raises IdempotencyKeyReused when the key came with another body within its lifetime.
        """
        fingerprint = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).digest()
        values: dict[str, Any] = {"caller": caller, "key": key, "fingerprint": fingerprint, "lifetime": LIFETIME}
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, values)
            claimed = cursor.fetchone()
            if claimed:
                cursor.execute(FORGET, values)
                return cls(pk=claimed[0], caller=caller, key=key, status=0)
        stored = cls.objects.get(caller=caller, key=key)
        if bytes(stored.fingerprint) != fingerprint:
            raise IdempotencyKeyReused
        return stored

    def keep(self, answer: HttpResponse) -> None:
        """Keep the answer, in the transaction of what it tells."""
        headers = dict(answer.items())
        type(self).objects.filter(pk=self.pk).update(status=answer.status_code, headers=headers, body=answer.content)

    def replay(self) -> HttpResponse:
        """The first answer, byte for byte, marked as a repetition."""
        headers = {**self.headers, "Idempotency-Replayed": "true"}
        return HttpResponse(bytes(self.body), status=self.status, headers=headers)


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key: an RFC 8941 string, or its characters without the quotes, as most clients send it."""
    value = headers.get("Idempotency-Key")
    if value is None:
        return None
    if not KEY.fullmatch(value):
        raise InvalidHeader("Idempotency-Key", "Put 1 to 255 printable ASCII characters, such as a UUID.")
    return value.strip('"')


def caller_of(request: Request) -> str:
    """Keys belong to the caller: a user, or all who are nobody in particular."""
    return f"user {request.user.pk}" if request.user.is_authenticated else "anonymous"
