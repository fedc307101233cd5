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

from config.tokens.secret import digest_of, public_id_of

logger = logging.getLogger(__name__)
REALM = 'Bearer realm="tasks"'
USER_FIELDS = ("id", "is_superuser", "username", "is_active")  # in the order of the model, as from_db takes them

# By the unique index on public_id. The permissions are what Django's ModelBackend finds: the user's and the groups'.
FIND = """
SELECT token.id, token.name, token.digest,
       coalesce(token.last_used_at < now() - interval '1 minute', true),
       ARRAY(SELECT app_label || '.' || codename
               FROM auth_permission AS permission JOIN django_content_type AS type ON type.id = content_type_id
              WHERE permission.id IN (
                    SELECT permission_id FROM auth_user_user_permissions WHERE user_id = account.id
                    UNION ALL
                    SELECT permission_id FROM auth_user_groups JOIN auth_group_permissions USING (group_id)
                     WHERE user_id = account.id)),
       account.id, account.is_superuser, account.username, account.is_active
  FROM tokens_token AS token JOIN auth_user AS account ON account.id = token.user_id
 WHERE public_id = %s AND revoked_at IS NULL AND expires_at > now() AND account.is_active
"""

# At most once a minute, whoever comes first; SKIP LOCKED: nobody waits for another who does the same.
NOTE_USE = """
UPDATE tokens_token SET last_used_at = now() WHERE id = (
    SELECT id FROM tokens_token
     WHERE id = %s AND coalesce(last_used_at < now() - interval '1 minute', true) FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True)
class TokenGrant:
    """DRF's `request.auth` of a request with a token."""

    name: str
    permissions: frozenset[str]


class InvalidToken(exceptions.AuthenticationFailed):
    """Wrong, expired, revoked, of an inactive user: the answer does not tell which."""

    default_code = "invalid_token"
    default_detail = "Put a token that is valid: Authorization: Bearer tasks_... This one is wrong, expired or revoked."


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, TokenGrant] | None:
        """None only without the header: one that is wrong is never taken for nobody's."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, text = header.partition(" ")
        text = text.strip(" ")
        public_id = public_id_of(text) if scheme.lower() == "bearer" else None
        if public_id is None:
            raise InvalidToken
        return self._grant(public_id, text)

    def _grant(self, public_id: str, text: str) -> tuple[User, TokenGrant]:
        with connection.cursor() as cursor:
            cursor.execute(FIND, [public_id])
            found: tuple[Any, ...] | None = cursor.fetchone()
        if found is None or not hmac.compare_digest(bytes(found[2]), digest_of(text)):
            raise InvalidToken
        pk, name, _, is_stale, permissions, *user = found
        if is_stale:
            note_use(pk)
        return User.from_db(connection.alias, USER_FIELDS, user), TokenGrant(name, frozenset(permissions))

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750, section 3."""
        return f'{REALM}, error="invalid_token"' if "Authorization" in request.headers else REALM


def note_use(pk: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(NOTE_USE, [pk])
    except DatabaseError as exc:  # a database that takes no writes can still be read
        logger.warning("last use of token %s not noted: %s", pk, exc)
