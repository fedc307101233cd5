"""Tokens as the database stores them: only a digest, from which no token can be read."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from config.accounts.tokens.secret import ID_LENGTH, digest_of, new_token, public_id_of

NAME_LENGTH = 100
DEFAULT_DAYS = 90
NAME_TAKEN = "This user has a token of that name already. Revoke it first."


def default_expiry() -> datetime:
    return timezone.now() + timedelta(days=DEFAULT_DAYS)


class Token(models.Model):
    """Proves that a client acts for a user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=NAME_LENGTH, help_text="What uses it, such as backup script or Anna's phone.")
    public_id = models.CharField(max_length=ID_LENGTH, unique=True, editable=False)  # the lookup of each request
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(default=default_expiry, help_text="From then on it is refused.")
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            # The replacement of a revoked token may have the same name.
            models.UniqueConstraint(
                fields=("user", "name"),
                condition=models.Q(revoked_at=None),
                name="token_name_unique",
                violation_error_message=NAME_TAKEN,
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"

    def issue(self) -> str:
        """Returns the new text of the token, which is stored nowhere. The caller must save the token."""
        text = new_token()
        self.public_id, self.digest = public_id_of(text) or "", digest_of(text)
        return text

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "valid" if self.expires_at > timezone.now() else "expired"
