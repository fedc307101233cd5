"""The admin of tokens: created, shown once, revoked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from config.accounts.tokens.models import NAME_TAKEN, Token
from config.pages.confirmation import Action, ConfirmingAdmin, Done, Question, Rows, Selected, count_of
from config.templatetags.dates import ago


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generics here at run time
    class Meta:
        help_texts: ClassVar = {
            "user": "The token may do what this user may do.",
            "name": "The program or device that uses the token, such as backup script or Anna's phone.",
            "expires_at": "In UTC. From this time on, requests with the token are refused.",
        }

    def clean(self) -> dict[str, Any]:
        """Refuses a name that is in use. The model's check needs revoked_at, which the form does not have."""
        data: dict[str, Any] = super().clean() or {}
        if self.instance.pk is None and "user" in data:
            # The lock makes a form that is sent twice get this error too, instead of an IntegrityError.
            User.objects.select_for_update(no_key=True).get(pk=data["user"].pk)
            if Token.objects.filter(user=data["user"], name=data.get("name"), revoked_at=None).exists():
                raise ValidationError(NAME_TAKEN, "unique")
        return data

    def clean_expires_at(self) -> datetime:
        expires_at: datetime = self.cleaned_data["expires_at"]
        if self.instance.pk is None and expires_at <= timezone.now():
            raise ValidationError("Must be in the future.", "past")
        return expires_at


@admin.register(Token)
class TokenAdmin(ConfirmingAdmin):
    """Staff see and create only their own tokens; superusers see and create everybody's."""

    form = TokenForm
    fields = ("user", "name", "expires_at")
    list_display = ("name", "user", "state", "expires_at", "last_used", "public_id")
    list_select_related = ("user",)
    search_fields = ("name", "public_id", "user__username")
    actions = ("revoke",)

    @admin.display(description="last used", ordering="last_used_at", empty_value="never")
    def last_used(self, token: Token) -> str | None:
        return ago(token.last_used_at) if token.last_used_at else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        tokens: QuerySet[Token] = super().get_queryset(request)
        return tokens if request.user.is_superuser else tokens.filter(user__username=request.user.get_username())

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        return (*self.fields, "public_id", "created_at", "last_used_at", "revoked_at") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        return tuple(name for name in self.get_fields(request, obj) if name != "expires_at") if obj else ()

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("user",) if request.user.is_superuser else ()  # it needs the permission to see all users

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nobody can create a token that may do more than they may."""
        if not request.user.is_superuser:
            kwargs |= {"queryset": User.objects.filter(username=request.user.get_username()), "empty_label": None}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Token, form: TokenForm, change: bool) -> None:
        if not change:
            request.token = obj.issue()  # type: ignore[attr-defined]  # for response_add
            obj.save()
        else:
            obj.save(update_fields=["expires_at"])  # revoked_at may have changed since the form was loaded

    def response_add(self, request: HttpRequest, obj: Token, post_url_continue: str | None = None) -> HttpResponse:
        """The page that shows the token. It is in this response and stored nowhere."""
        url = request.build_absolute_uri(reverse("task-list"))
        text: str = request.token  # type: ignore[attr-defined]
        return self.page(request, "created", {"title": "Token created", "token": obj, "text": text, "url": url})

    @admin.action(permissions=["change"], description="Revoke selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet[Token]) -> HttpResponse | None:
        def write(keys: list[int], data: dict[str, Any]) -> Done:
            left = Token.objects.filter(pk__in=keys, revoked_at=None)
            tokens = list(left)
            left.update(revoked_at=timezone.now())
            for token in tokens:
                self.log_change(request, token, "Revoked.")
            return Done(f"{count_of(tokens, 'token')} revoked. Requests with {them(tokens)} are now refused.")

        return self.ask_and_do(request, queryset, Action(revoke_question, "revoked", write))

    def listed(self, rows: QuerySet[Token]) -> list[Selected]:
        tokens = rows.prefetch_related("user")
        return [Selected(token.pk, token.name, f"{token.user}, {token.state}", token.revoked_at) for token in tokens]


def revoke_question(rows: Rows) -> Question:
    left = [row for row in rows if not row.version]
    if not left:
        return Question("Nothing to revoke", note="All of these tokens are revoked already.")
    what = f"Revoke {count_of(left, 'token')}"
    note = f"Requests with {them(left)} will be refused from then on. A revoked token can't be used again."
    return Question(f"{what}?", what, note, is_danger=True)


def them(tokens: Sequence[Any]) -> str:
    return "it" if len(tokens) == 1 else "them"
