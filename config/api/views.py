"""What every view of the API has in common, on top of DRF's."""

from typing import Any

from django.http import HttpRequest
from rest_framework import request as drf
from rest_framework.response import Response
from rest_framework.views import APIView

from config.api.errors import InvalidQuery
from config.api.filters import repeated_parameters, unknown_parameters


class Request(drf.Request):
    """DRF's, which takes a request without Content-Length for one with an empty object as its body."""

    def _load_stream(self) -> None:
        self._stream: HttpRequest = self._request  # type: ignore[assignment]  # as DRF itself does


class StrictAPIView(APIView):
    """Ignores no query parameter, and lists the methods only where HTTP asks for it."""

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
            self.http_method_not_allowed(request)  # whatever else is wrong
        if not self.takes_query(request):
            faults = unknown_parameters(request.query_params, ()) + repeated_parameters(request.query_params, set())
            if faults:
                raise InvalidQuery(faults)

    def takes_query(self, request: drf.Request) -> bool:
        """Whether the operation has parameters, which it then checks itself."""
        return False

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {"Cache-Control": "private, no-cache"}  # ask every time, with the ETag; and not for others

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
