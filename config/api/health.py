"""Health checks: does the process run, and can it answer requests?"""

from django.db import connection
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import problem
from config.api.views import PublicView
from config.postgresql.migrations import SECONDS, Known


class HealthSerializer(serializers.Serializer[dict[str, str]]):
    """The service is healthy; an unhealthy one answers an error or nothing."""

    status = serializers.ChoiceField(["ok"], help_text="Always `ok`.")


@extend_schema(tags=["health"], responses=HealthSerializer)
class LiveView(PublicView):
    """The process runs. The database is not checked: restarting the process would not repair it."""

    @extend_schema(operation_id="health", summary="Check that the process runs")
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


@extend_schema(tags=["health"], responses=HealthSerializer)
class ReadyView(PublicView):
    """The service can answer requests. 503 if the database can't be reached, or lacks migrations of this version."""

    error_statuses = (503,)
    migrations = Known()

    @extend_schema(operation_id="health_ready", summary="Check that the service can answer requests")
    def get(self, request: Request) -> Response | HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        missing = self.migrations.missing()
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            detail = f"The database lacks migrations: {missing[0]}{more}. Run manage.py migrate."
            return problem("migrations_missing", detail, headers={"Retry-After": str(SECONDS)})
        return Response({"status": "ok"})
