"""Whether the process runs, and whether it can serve requests."""

from django.db import connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.views import PublicView


class HealthSerializer(serializers.Serializer[dict[str, str]]):
    status = serializers.CharField(help_text="`ok`")


@extend_schema(tags=["health"], responses=HealthSerializer)
class LiveView(PublicView):
    """The process answers. It does not ask the database, which a restart of the process would not repair."""

    @extend_schema(operation_id="health", summary="Check that the process runs")
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


@extend_schema(tags=["health"], responses=HealthSerializer)
class ReadyView(PublicView):
    """The database answers too; otherwise a 503."""

    error_statuses = (503,)

    @extend_schema(operation_id="health_ready", summary="Check that the service can answer requests")
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"status": "ok"})
