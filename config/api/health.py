"""Health checks: does the process run, and can it answer requests?"""

from django.db import connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.views import PublicView


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
    """The service can answer requests. 503 if the database can't be reached."""

    error_statuses = (503,)

    @extend_schema(operation_id="health_ready", summary="Check that the service can answer requests")
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"status": "ok"})
