"""A stock DRF ModelViewSet: `gunicorn drf_service`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "django_settings"
application = get_wsgi_application()

from django.conf import settings
from django.urls import include, path
from django_filters.rest_framework import DjangoFilterBackend
from django_model import Task
from rest_framework import pagination, permissions, routers, serializers, viewsets

settings.ROOT_URLCONF = __name__


class LimitOffsetPagination(pagination.LimitOffsetPagination):
    default_limit = 50


class TaskSerializer(serializers.ModelSerializer):
    class Meta:
        model = Task
        fields = ("id", "title", "description", "completed", "due_date", "created_at", "updated_at")


class TaskViewSet(viewsets.ModelViewSet):
    queryset = Task.objects.all()
    serializer_class = TaskSerializer
    pagination_class = LimitOffsetPagination
    permission_classes = (permissions.AllowAny,)
    filter_backends = (DjangoFilterBackend,)
    filterset_fields = ("completed", "due_date")


router = routers.DefaultRouter()
router.register("tasks", TaskViewSet)
urlpatterns = [path("", include(router.urls))]
