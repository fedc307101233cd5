"""Is the process up, and can it serve?"""

from django.db import connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.views import StrictAPIView


class HealthSerializer(serializers.Serializer[dict[str, str]]):
    status = serializers.CharField(help_text="`ok`")


@extend_schema(tags=["health"], responses=HealthSerializer)
class LiveView(StrictAPIView):
    """The process answers. The database is not asked: a restart of the process would not bring it back."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="health", summary="Is the process up?")
    def get(self, request: Request) -> Response:
        return Response({"status": "ok"})


@extend_schema(tags=["health"], responses=HealthSerializer)
class ReadyView(StrictAPIView):
    """The database answers too. 503 while it does not."""

    error_statuses = (503,)

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="health_ready", summary="Can it serve?")
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"status": "ok"})
