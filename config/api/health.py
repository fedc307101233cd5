"""Is the process up, and can it serve?"""

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
    """The process answers. The database is not asked: a restart of the process would not bring it back."""

    @extend_schema(operation_id="health", summary="Is the process up?")
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


@extend_schema(tags=["health"], responses=HealthSerializer)
class ReadyView(PublicView):
    """The database answers too. 503 while it does not."""

    error_statuses = (503,)

    @extend_schema(operation_id="health_ready", summary="Can it serve?")
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"status": "ok"})
