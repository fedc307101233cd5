"""Who sends a request, by its token."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from config.accounts.tokens.grants import TokenGrant, look_up, remembered
from config.accounts.tokens.secret import public_id_of

REALM = 'Bearer realm="tasks"'


class InvalidToken(exceptions.AuthenticationFailed):
    """Wrong, expired, revoked, of an inactive user: the answer does not tell which."""

    default_code = "invalid_token"
    default_detail = "Put a token that is valid: Authorization: Bearer tasks_... This one is wrong, expired or revoked."


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, TokenGrant] | None:
        """None only without the header: one that is wrong is never taken for nobody's.

        A grant may be as it was a moment ago: whoever relies on it requires its version.
        """
        if "HTTP_AUTHORIZATION" not in request.META:
            return None
        text = token_in(request.META)
        grant = remembered(text)
        if grant is None:
            public_id = public_id_of(text)
            grant = look_up(public_id, text) if public_id else None
        if grant is None:
            raise InvalidToken
        return grant.user, grant

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750, section 3."""
        return f'{REALM}, error="invalid_token"' if "HTTP_AUTHORIZATION" in request.META else REALM


def token_in(environ: dict[str, Any]) -> str:
    """Empty where the scheme is another one."""
    scheme, _, text = environ["HTTP_AUTHORIZATION"].partition(" ")
    return text.strip(" ") if scheme.lower() == "bearer" else ""
