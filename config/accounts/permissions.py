"""Who may use the API: Django's model permissions, and `API_ANONYMOUS` for clients without a user."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions
from rest_framework.request import Request

from config.accounts.tokens.grants import TokenGrant

CREDENTIALS_EXPECTED = "Authentication is required: send the request header Authorization: Bearer, followed by a token."


class ModelPermissionsOrAnonymous(DjangoModelPermissions):
    """A user needs view, add, change or delete; without a user, `API_ANONYMOUS` decides.

    An answer with fields that the client has not sent requires view, as RETURNING in SQL requires SELECT. So PATCH,
    which answers with the whole object, requires change and view. POST answers with what was sent, so add is enough.
    """

    perms_map = DjangoModelPermissions.perms_map | {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s", "%(app_label)s.view_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises NotAuthenticated, or PermissionDenied with the missing permissions."""
        method = request.method or ""
        if not request.user.is_authenticated:
            if allows_anonymous(method):
                return True
            raise NotAuthenticated(CREDENTIALS_EXPECTED)
        needed = self.get_required_permissions(method, view.queryset.model)
        missing = [permission for permission in needed if not is_granted(request, permission)]
        if missing:
            view.confirm(request)  # a remembered grant may lack a new permission
            what = f"permission {missing[0]} is" if len(missing) == 1 else f"permissions {' and '.join(missing)} are"
            raise PermissionDenied(f"The {what} required.")
        return True


def allows_anonymous(method: str) -> bool:
    """Whether a client without a user may do this."""
    return settings.API_ANONYMOUS == "write" or (settings.API_ANONYMOUS == "read" and method in SAFE_METHODS)


def may_view(request: Request, name: str) -> bool:
    """Whether an error may show an object. Without a user, a client that may write may also read."""
    return not request.user.is_authenticated or is_granted(request, name)


def is_granted(request: Request, permission: str) -> bool:
    """The grant of a token has its user's permissions; those of a session are looked up."""
    if isinstance(request.auth, TokenGrant):
        return request.auth.allows(permission)
    return request.user.has_perm(permission)
