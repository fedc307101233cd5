"""Authentication by token."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from config.accounts.tokens.grants import TokenGrant, look_up, remembered
from config.accounts.tokens.secret import public_id_of

REALM = 'Bearer realm="tasks"'


class InvalidToken(exceptions.AuthenticationFailed):
    """Wrong, expired, revoked, or of an inactive user: the answer deliberately does not say which."""

    default_code = "invalid_token"
    default_detail = (
        "The token is wrong, expired or revoked: expected Authorization: Bearer, followed by a valid token."
    )


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, TokenGrant] | None:
        """None only without the header: a request with a wrong token is never anonymous.

        A grant may be a minute old: a statement that relies on it has to require its version.
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
    """The token of the request; empty if the scheme is not Bearer."""
    scheme, _, text = environ["HTTP_AUTHORIZATION"].partition(" ")
    return text.strip(" ") if scheme.lower() == "bearer" else ""
