"""Creates a token from the command line, for a deployment that nobody can log in to yet."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from config.accounts.tokens.models import DEFAULT_DAYS, Token
from config.arguments import number

days = number("days", 3650)


class Command(BaseCommand):
    help = "Create a token and print it, only this once: TOKEN=$(python manage.py create_token anna 'backup script')"
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the name of the user that the token acts for")
        parser.add_argument("name", help="the name of the token: what uses it, such as 'backup script'")
        parser.add_argument("--days", type=days, default=DEFAULT_DAYS, help=f"default: {DEFAULT_DAYS}")
        parser.add_argument(
            "--group",
            help="add the user to this group: 'Task readers', 'Task editors', 'Task admins' or one of yours;"
            " a user that does not exist is created without a password",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = member(options["user"], options["group"]) if options["group"] else existing(options["user"])
        expires_at = timezone.now() + timedelta(days=options["days"])
        token = Token(user=user, name=options["name"], expires_at=expires_at)
        text = token.issue()
        try:
            token.full_clean()
        except ValidationError as exc:
            raise CommandError(reasons(exc)) from None
        token.save()
        self.stderr.write(f"Token {token} of {user}, valid until {expires_at:%Y-%m-%d %H:%M} UTC:")
        self.stdout.write(text)


def existing(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. Add --group GROUP to create the user.")
    if not user.is_active:
        raise CommandError(f"The user {name!r} is not active.")
    return user


def member(name: str, group: str) -> User:
    """The user of this name, created if needed, in this group."""
    found = Group.objects.filter(name=group).first()
    if found is None:
        known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
        raise CommandError(f"There is no group {group!r}. Expected one of: {known}.")
    if not User.objects.filter(username=name).exists():
        user = User(username=name)
        user.set_unusable_password()
        try:
            user.full_clean(exclude=["password"])
        except ValidationError as exc:
            raise CommandError(reasons(exc)) from None
        user.save()
    user = existing(name)
    user.groups.add(found)
    return user


def reasons(exc: ValidationError) -> str:
    """The messages, each after the name of its field."""
    return " ".join(
        text if field == NON_FIELD_ERRORS else f"{field}: {text}"
        for field, texts in exc.message_dict.items()
        for text in texts
    )
