"""The answers that a retry gets again."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.http import HttpResponse

from config.api.errors import IdempotencyKeyReused, InvalidHeader
from config.postgresql.statements import Call, Statement

LIFETIME = "interval '24 hours'"
KEY_LENGTH = 255
KEY_PATTERN = r'^([-!#-+.-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}")$'
KEY = re.compile(KEY_PATTERN)

# Waits for another transaction that is just using the key. Gives a row when the key is this caller's to use: it was
# new, or too old to count; no row when there is an answer to it.
# Each use of a key takes away a few others that are too old, so that their number stays that of a day; SKIP LOCKED:
# nobody waits for another who does the same. An array, because PostgreSQL may run the subquery of an IN once per row,
# and so delete them all.
CLAIM = Statement(
    f"""
WITH forgotten AS (
    DELETE FROM idempotency_storedanswer WHERE id = ANY (ARRAY (
        SELECT id FROM idempotency_storedanswer
         WHERE created_at < now() - {LIFETIME} AND (caller, key) <> (%(caller)s, %(key)s)
         ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED)))
INSERT INTO idempotency_storedanswer AS stored (caller, key, fingerprint, created_at, status, headers, body)
VALUES (%(caller)s, %(key)s, decode(%(fingerprint)s, 'hex'), now(), 0, '{{}}', '')
ON CONFLICT (caller, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, created_at = excluded.created_at
    WHERE stored.created_at < now() - {LIFETIME}
RETURNING id
"""  # noqa: S608 - of constants
)
KEEP = Statement("""
UPDATE idempotency_storedanswer
   SET status = %(status)s, headers = %(headers)s, body = convert_to(%(body)s, 'UTF8')
 WHERE id = %(id)s
""")


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
        # CLAIM, for what it takes away
        indexes = (models.Index(fields=("created_at",), name="storedanswer_created"),)

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"

    @classmethod
    def claim(cls, caller: str, key: str, data: Any, guard: Call | None = None) -> "StoredAnswer":
        """The row of this key, inside a transaction: with status 0 when the request is to be carried out."""
        values = {"caller": caller, "key": key, "fingerprint": fingerprint_of(data).hex()}
        while True:
            claimed = CLAIM.run(values, guard)
            if claimed.ntuples:
                return cls(pk=int(claimed.get_value(0, 0) or 0), caller=caller, key=key, status=0)
            stored = cls.objects.filter(caller=caller, key=key).first()
            if stored:
                return stored
            # It has become too old at this very moment, and another request took it away.

    def keep(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep the answer, which is UTF-8, in the transaction of what it tells."""
        KEEP.run({"id": self.pk, "status": status, "headers": dict(headers), "body": body.decode()})

    def replay(self, data: Any) -> HttpResponse:
        """The first answer, byte for byte, marked as a repetition. Raises IdempotencyKeyReused for another body."""
        if bytes(self.fingerprint) != fingerprint_of(data):
            raise IdempotencyKeyReused
        headers = {**self.headers, "Idempotency-Replayed": "true"}
        return HttpResponse(bytes(self.body), status=self.status, headers=headers)


def fingerprint_of(data: Any) -> bytes:
    """Of a body, whatever the order of its members."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).digest()


def key_in(value: str | None) -> str | None:
    """The key of a header: an RFC 8941 string, or its characters without the quotes, as most clients send it."""
    if value is None:
        return None
    if not KEY.fullmatch(value):
        raise InvalidHeader("Idempotency-Key", "Put 1 to 255 printable ASCII characters, such as a UUID.")
    return value.strip('"')


def caller_of(user: User | AnonymousUser) -> str:
    """Keys belong to the caller: a user, or all who are nobody in particular."""
    return f"user {user.pk}" if user.is_authenticated else "anonymous"
