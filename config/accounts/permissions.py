"""Who may call the API: Django's model permissions, and what `API_ANONYMOUS` leaves open."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions
from rest_framework.request import Request

from config.accounts.tokens.grants import TokenGrant


class ModelPermissionsOrAnonymous(DjangoModelPermissions):
    """A caller who is known needs view, add, change or delete; one who is not gets what `API_ANONYMOUS` says."""

    perms_map = DjangoModelPermissions.perms_map | {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises PermissionDenied, which names what is missing; false is a 401."""
        method = request.method or ""
        if not request.user.is_authenticated:
            return allows_anonymous(method)
        needed = self.get_required_permissions(method, view.queryset.model)
        missing = [permission for permission in needed if not is_granted(request, permission)]
        if missing:
            view.confirm(request)  # what is remembered of a token may be too little by now
            raise PermissionDenied(f"This needs the permission {', '.join(missing)}.")
        return True


def allows_anonymous(method: str) -> bool:
    """Whether a caller who is not known may do this."""
    return settings.API_ANONYMOUS == "write" or (settings.API_ANONYMOUS == "read" and method in SAFE_METHODS)


def is_granted(request: Request, permission: str) -> bool:
    """A token brought its user's permissions with it; those of a session are looked up."""
    if isinstance(request.auth, TokenGrant):
        return request.auth.allows(permission)
    return request.user.has_perm(permission)
