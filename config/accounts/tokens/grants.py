"""The permissions of tokens: looked up in one indexed query, and remembered for at most a minute."""

import hmac
import logging
from dataclasses import dataclass, field
from time import monotonic

from django.contrib.auth.models import User
from django.db import DatabaseError, connection

from config.accounts.tokens.secret import digest_of
from config.postgresql.statements import Statement

logger = logging.getLogger(__name__)
USER_FIELDS = ("id", "is_superuser", "username", "is_active")  # in the order of the model, which from_db requires
MOST_REMEMBERED = 1000  # per worker process

# By the unique index on public_id. The permissions are those of Django's ModelBackend: of the user and of the groups.
FIND = Statement("""
SELECT encode(token.digest, 'hex'), token.id, token.name,
       coalesce(token.last_used_at < now() - interval '1 minute', true),
       (SELECT coalesce(string_agg(app_label || '.' || codename, ' '), '')
          FROM auth_permission AS permission JOIN django_content_type AS type ON type.id = content_type_id
         WHERE permission.id IN (
               SELECT permission_id FROM auth_user_user_permissions WHERE user_id = account.id
               UNION ALL
               SELECT permission_id FROM auth_user_groups JOIN auth_group_permissions USING (group_id)
                WHERE user_id = account.id)),
       (SELECT version FROM tokens_grants),
       extract(epoch FROM least(interval '1 minute', expires_at - now(), nullif(
           greatest(last_used_at, now() - interval '1 minute') + interval '1 minute' - now(), interval '0'))),
       account.id, account.is_superuser, account.username
  FROM tokens_token AS token JOIN auth_user AS account ON account.id = token.user_id
 WHERE public_id = %(public_id)s AND revoked_at IS NULL AND expires_at > now() AND account.is_active
""")
CHANGED = "TK001"  # SQLSTATE of tokens_require(), with which a transaction that relies on a grant begins

# At most once a minute. SKIP LOCKED, so that requests that do the same don't wait for each other.
NOTE_USE = """
UPDATE tokens_token SET last_used_at = now() WHERE id = (
    SELECT id FROM tokens_token
     WHERE id = %s AND coalesce(last_used_at < now() - interval '1 minute', true) FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """`request.auth` of a request with a token."""

    user: User
    name: str
    permissions: frozenset[str]
    version: str = field(default="", repr=False)  # of the permissions of all tokens, at the time of the lookup
    until: float = 0.0  # a monotonic() time, when the token expires or its next use has to be recorded

    @property
    def actor(self) -> str:
        """The name in the history."""
        return f"{self.user.username} ({self.name})"

    def allows(self, permission: str) -> bool:
        return self.user.is_superuser or permission in self.permissions


REMEMBERED: dict[bytes, TokenGrant] = {}  # by the digest of the token


def remembered(text: str) -> TokenGrant | None:
    """The grant from the last lookup of this token, unless it is too old."""
    grant = REMEMBERED.get(digest_of(text))
    return grant if grant and monotonic() < grant.until else None


def forget(text: str) -> None:
    REMEMBERED.pop(digest_of(text), None)


def look_up(public_id: str, text: str) -> TokenGrant | None:
    """The current grant of this token; None if it is not valid."""
    started = monotonic()
    found = FIND.run({"public_id": public_id})
    if found.ntuples == 0 or not hmac.compare_digest(found.get_value(0, 0) or b"", digest_of(text).hex().encode()):
        return None
    pk, name, is_stale, permissions, version, seconds, *user = (
        (found.get_value(0, column) or b"").decode() for column in range(1, found.nfields)
    )
    if is_stale == "t":
        note_use(int(pk))
    account = User.from_db("default", USER_FIELDS, (int(user[0]), user[1] == "t", user[2], True))
    grant = TokenGrant(account, name, frozenset(permissions.split()), version, started + float(seconds))
    if len(REMEMBERED) >= MOST_REMEMBERED:
        REMEMBERED.clear()
    REMEMBERED[digest_of(text)] = grant
    return grant


def note_use(pk: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(NOTE_USE, [pk])
    except DatabaseError as exc:  # a read-only database can still answer
        logger.warning("last use of token %s not noted: %s", pk, exc)
