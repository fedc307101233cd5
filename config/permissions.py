"""Who may call the API: Django's model permissions, and what `API_ANONYMOUS` leaves open."""

from typing import Any

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions
from rest_framework.request import Request


class ModelPermissionsOrAnonymous(DjangoModelPermissions):
    """A caller who is known needs view, add, change or delete; one who is not gets what `API_ANONYMOUS` says."""

    perms_map = DjangoModelPermissions.perms_map | {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated:
            return super().has_permission(request, view)
        if settings.API_ANONYMOUS == "read":
            return request.method in SAFE_METHODS
        return settings.API_ANONYMOUS == "write"
