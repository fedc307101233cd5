"""Who sends a request, by its token: one indexed query, permissions included."""

import hmac
import logging
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from config.statements import Statement
from config.tokens.secret import digest_of, public_id_of

logger = logging.getLogger(__name__)
REALM = 'Bearer realm="tasks"'
USER_FIELDS = ("id", "is_superuser", "username", "is_active")  # in the order of the model, as from_db takes them

# By the unique index on public_id. The permissions are what Django's ModelBackend finds: the user's and the groups'.
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
       account.id, account.is_superuser, account.username
  FROM tokens_token AS token JOIN auth_user AS account ON account.id = token.user_id
 WHERE public_id = $1 AND revoked_at IS NULL AND expires_at > now() AND account.is_active
""")

# At most once a minute, whoever comes first; SKIP LOCKED: nobody waits for another who does the same.
NOTE_USE = """
UPDATE tokens_token SET last_used_at = now() WHERE id = (
    SELECT id FROM tokens_token
     WHERE id = %s AND coalesce(last_used_at < now() - interval '1 minute', true) FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """DRF's `request.auth` of a request with a token."""

    user: User
    name: str
    permissions: frozenset[str]

    @property
    def actor(self) -> str:
        """As the history names it."""
        return f"{self.user.username} ({self.name})"

    def allows(self, permission: str) -> bool:
        return self.user.is_superuser or permission in self.permissions


class InvalidToken(exceptions.AuthenticationFailed):
    """Wrong, expired, revoked, of an inactive user: the answer does not tell which."""

    default_code = "invalid_token"
    default_detail = "Put a token that is valid: Authorization: Bearer tasks_... This one is wrong, expired or revoked."


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, TokenGrant] | None:
        """None only without the header: one that is wrong is never taken for nobody's."""
        if "Authorization" not in request.headers:
            return None
        grant = grant_of(request.META)
        return grant.user, grant

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750, section 3."""
        return f'{REALM}, error="invalid_token"' if "Authorization" in request.headers else REALM


def grant_of(environ: dict[str, Any]) -> TokenGrant:
    """What the header Authorization grants. Looked up once per request; raises InvalidToken."""
    known: TokenGrant | None = environ.get("tasks.grant")
    if known is None:
        scheme, _, text = environ["HTTP_AUTHORIZATION"].partition(" ")
        text = text.strip(" ")
        public_id = public_id_of(text) if scheme.lower() == "bearer" else None
        if public_id is None:
            raise InvalidToken
        known = environ["tasks.grant"] = look_up(public_id, text)
    return known


def look_up(public_id: str, text: str) -> TokenGrant:
    found = FIND.run(public_id.encode())
    if found.ntuples == 0 or not hmac.compare_digest(found.get_value(0, 0) or b"", digest_of(text).hex().encode()):
        raise InvalidToken
    pk, name, is_stale, permissions, *user = (
        (found.get_value(0, column) or b"").decode() for column in range(1, found.nfields)
    )
    if is_stale == "t":
        note_use(int(pk))
    account = User.from_db("default", USER_FIELDS, (int(user[0]), user[1] == "t", user[2], True))
    return TokenGrant(account, name, frozenset(permissions.split()))


def note_use(pk: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(NOTE_USE, [pk])
    except DatabaseError as exc:  # a database that takes no writes can still be read
        logger.warning("last use of token %s not noted: %s", pk, exc)
