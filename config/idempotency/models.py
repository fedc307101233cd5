"""Stored answers: a retry with the same Idempotency-Key gets the first answer again."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.http import HttpResponse

from config.api.errors import IdempotencyKeyReused, InvalidHeader
from config.postgresql.statements import Call, Statement

LIFETIME = f"interval '{settings.IDEMPOTENCY_KEY_HOURS} hours'"
KEY_LENGTH = 255
KEY_PATTERN = r'^([-!#-+.-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}")$'
KEY = re.compile(KEY_PATTERN)
KEY_EXPECTED = (
    f"Must be 1 to {KEY_LENGTH} printable ASCII characters, such as a UUID, without space, comma, quote or backslash."
)

# Waits for another transaction that uses the key at this moment. Returns a row if the client may use the key, because
# it is new or expired, and no row if there is a stored answer.
# Each use of a key deletes a few expired ones, so the table holds about one day of keys. SKIP LOCKED, so that two
# requests that delete don't wait for each other. An array, because PostgreSQL may run the subquery of an IN once per
# row and would then delete them all.
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
    """A key of one client, with the answer to the request that first used it."""

    caller = models.TextField()
    key = models.CharField(max_length=KEY_LENGTH)
    fingerprint = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    status = models.SmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("caller", "key"), name="storedanswer_caller_key"),)
        # CLAIM, to find expired keys
        indexes = (models.Index(fields=("created_at",), name="storedanswer_created"),)

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"

    @classmethod
    def claim(cls, caller: str, key: str, data: Any, guard: Call | None = None) -> "StoredAnswer":
        """The row of this key, inside a transaction. Its status is 0 if the request has to be carried out."""
        values = {"caller": caller, "key": key, "fingerprint": fingerprint_of(data).hex()}
        while True:
            claimed = CLAIM.run(values, guard)
            if claimed.ntuples:
                return cls(pk=int(claimed.get_value(0, 0) or 0), caller=caller, key=key, status=0)
            stored = cls.objects.filter(caller=caller, key=key).first()
            if stored:
                return stored
            # It expired just now, and another request deleted it.

    def keep(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Store the answer, which is UTF-8, in the transaction of the write that it describes."""
        KEEP.run({"id": self.pk, "status": status, "headers": dict(headers), "body": body.decode()})

    def replay(self, data: Any) -> HttpResponse:
        """The first answer, byte for byte, marked as replayed. Raises IdempotencyKeyReused if the body differs."""
        if bytes(self.fingerprint) != fingerprint_of(data):
            raise IdempotencyKeyReused
        headers = {**self.headers, "Idempotency-Replayed": "true"}
        return HttpResponse(bytes(self.body), status=self.status, headers=headers)


def fingerprint_of(data: Any) -> bytes:
    """The fingerprint of a request body. The order of its fields makes no difference."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).digest()


def key_in(value: str | None) -> str | None:
    """The key in a header: an RFC 8941 string, or the same without quotes, as most clients send it."""
    if value is None:
        return None
    if not KEY.fullmatch(value):
        raise InvalidHeader("Idempotency-Key", KEY_EXPECTED)
    return value.strip('"')


def caller_of(user: User | AnonymousUser) -> str:
    """Keys belong to one user; all clients without a user share theirs."""
    return f"user {user.pk}" if user.is_authenticated else "anonymous"
