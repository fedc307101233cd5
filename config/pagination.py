"""Pages by `limit` and `offset`, refused where DRF would clamp or fall back to a default."""

import re
from typing import Any

from django.http import QueryDict
from rest_framework import pagination
from rest_framework.request import Request

from config.errors import Fault, InvalidQuery

WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
BIGINT_MAX = 2**63 - 1


class LimitOffsetPagination(pagination.LimitOffsetPagination):
    """`limit` 1 to 1000, default 50; `offset` from 0 to 2^63 - 1, which is as far as PostgreSQL counts."""

    default_limit = 50
    max_limit = 1000

    def bounds(self) -> dict[str, tuple[int, int, int]]:
        """By parameter: the least, the most and the default."""
        return {
            self.limit_query_param: (1, self.max_limit, self.default_limit),
            self.offset_query_param: (0, BIGINT_MAX, 0),
        }

    def faults(self, query: QueryDict) -> list[Fault]:
        """What is wrong with the two parameters, to be reported together with the filters' faults."""
        faults: list[Fault] = []
        for name, (least, most, _) in self.bounds().items():
            value = query.get(name, str(least))
            if not WHOLE_NUMBER.fullmatch(value):
                faults.append(
                    {"parameter": name, "code": "invalid", "detail": f"Put a whole number from {least} to {most}."}
                )
            elif not least <= int(value) <= most:
                faults.append(
                    {"parameter": name, "code": "out_of_range", "detail": f"{value} is not between {least} and {most}."}
                )
        return faults

    def get_limit(self, request: Request) -> int:
        return self._number(request, self.limit_query_param)

    def get_offset(self, request: Request) -> int:
        return self._number(request, self.offset_query_param)

    def _number(self, request: Request, name: str) -> int:
        if faults := self.faults(request.query_params):
            raise InvalidQuery(faults)
        return int(request.query_params.get(name, self.bounds()[name][2]))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        descriptions = {
            self.limit_query_param: "Tasks per page.",
            self.offset_query_param: "Tasks to skip before the page.",
        }
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": descriptions[name],
                "schema": {"type": "integer", "minimum": least, "maximum": most, "default": default},
            }
            for name, (least, most, default) in self.bounds().items()
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "count": {"type": "integer", "minimum": 0, "description": "Of all pages.", "example": 1},
                "next": {"type": ["string", "null"], "format": "uri", "example": None},
                "previous": {"type": ["string", "null"], "format": "uri", "example": None},
                "results": schema,
            },
        }
