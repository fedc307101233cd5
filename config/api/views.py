"""What every view of the API adds to DRF's."""

import io
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, QueryDict
from rest_framework import request as drf
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.views import APIView

from config.accounts.tokens.authentication import token_in
from config.accounts.tokens.grants import CHANGED, TokenGrant, forget
from config.api.attribution import guard_of
from config.api.errors import InvalidQuery
from config.api.handlers import sqlstate_of
from config.api.parameters import read
from config.api.responses import no_content


class Request(drf.Request):
    """DRF's request, only for JSON bodies, with what views need often."""

    filters: dict[str, Any]  # set by FilterBackend

    def __init__(self, request: HttpRequest, **kwargs: Any) -> None:
        self.META, self.method = request.META, request.method  # DRF finds these slowly, after an AttributeError
        super().__init__(request, **kwargs)

    POST = QueryDict()  # read by the CSRF check; there are no forms

    @cached_property
    def data(self) -> Any:
        """The parsed body. Without a Content-Length it is empty and an error; DRF would return an empty object."""
        parser = self.negotiator.select_parser(self, self.parsers or ())  # type: ignore[union-attr]  # there is one
        if parser is None:
            accepted = " or ".join(parser.media_type for parser in self.parsers or ())
            raise UnsupportedMediaType("", f"Expected the request header Content-Type: {accepted}.")
        return parser.parse(io.BytesIO(self._request.body), self.content_type, self.parser_context)

    @property
    def origin(self) -> str:
        """Scheme and host of the service, as the client calls it."""
        return f"{self._request.scheme}://{self._request.get_host()}"


@cache
def instances_of(classes: tuple[type, ...]) -> list[Any]:
    """One instance of each, shared by all requests: they get the request as an argument."""
    return [each() for each in classes]


class StrictAPIView(APIView):
    """Refuses unknown query parameters, and answers OPTIONS only with the allowed methods."""

    parsers_of: Mapping[str, tuple[type[BaseParser], ...]] = {}  # by method, where they differ from parser_classes

    def get_parsers(self) -> list[Any]:
        method = self.request.method if self.request is not None else ""
        return instances_of(tuple(self.parsers_of.get(method or "", self.parser_classes)))

    def get_renderers(self) -> list[Any]:
        return instances_of(tuple(self.renderer_classes))

    def get_authenticators(self) -> list[Any]:
        return instances_of(tuple(self.authentication_classes))

    def get_permissions(self) -> list[Any]:
        return instances_of(tuple(self.permission_classes))

    def get_content_negotiator(self) -> Any:
        return instances_of((self.content_negotiation_class,))[0]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        return Request(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: drf.Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)  # first, whatever else is wrong
        unread = request.META["QUERY_STRING"] and not self.accepts_query(request)
        if unread and (faults := read(request.query_params, {})[1]):
            raise InvalidQuery(faults)

    def accepts_query(self, request: drf.Request) -> bool:
        """Whether the operation has query parameters, and checks them itself."""
        return False

    def confirm(self, request: drf.Request) -> None:
        """Check that a remembered grant is still current, where no statement that requires it follows."""
        guard = guard_of(request) if isinstance(request.auth, TokenGrant) else None
        if guard:
            guard.statement.run(guard.values)

    def handle_exception(self, exc: Exception) -> Any:
        """If the permissions of a token have changed, nothing was done yet: start again with the current ones."""
        if isinstance(exc, DatabaseError) and sqlstate_of(exc) == CHANGED:
            forget(token_in(self.request.META))
            return self.dispatch(self.request._request, *self.args, **self.kwargs)  # noqa: SLF001 - as DRF does
        return super().handle_exception(exc)

    def finalize_response(self, request: drf.Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: Any = super().finalize_response(request, response, *args, **kwargs)
        if "HTTP_AUTHORIZATION" not in request.META:
            answer.headers.setdefault("Vary", "Cookie")
        return answer

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Caches are private and revalidate every time, with the ETag."""
        return {"Cache-Control": "private, no-cache"}

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return no_content(Allow=", ".join(self.allowed_methods))


class PublicView(StrictAPIView):
    """For all clients, with a token or without one."""

    authentication_classes = ()
    permission_classes = ()
