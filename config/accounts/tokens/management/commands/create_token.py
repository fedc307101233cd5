"""A token from the command line, where there is no browser yet."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from config.accounts.tokens.models import DEFAULT_DAYS, Token
from config.arguments import number

days = number("days", 3650)


class Command(BaseCommand):
    help = "Make a token and print it, this once: TOKEN=$(python manage.py create_token anna 'backup script')"
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="whom it acts for: the name of a user")
        parser.add_argument("name", help="what uses it, such as 'backup script'")
        parser.add_argument("--days", type=days, default=DEFAULT_DAYS, help=f"valid so long (default {DEFAULT_DAYS})")
        parser.add_argument(
            "--group",
            help="'Task readers', 'Task editors' or 'Task admins', or one of yours: put the user there, made without a"
            " password if there is none",
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
            raise CommandError(" ".join(exc.messages)) from None
        token.save()
        self.stderr.write(f"Token {token} of {user}, valid until {expires_at:%Y-%m-%d %H:%M} UTC:")
        self.stdout.write(text)


def existing(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. With --group one is made.")
    if not user.is_active:
        raise CommandError(f"The user {name!r} is not active.")
    return user


def member(name: str, group: str) -> User:
    """The user of this name in this group."""
    found = Group.objects.filter(name=group).first()
    if found is None:
        known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
        raise CommandError(f"There is no group {group!r}, but: {known}.")
    if not User.objects.filter(username=name).exists():
        user = User(username=name)
        user.set_unusable_password()
        try:
            user.full_clean(exclude=["password"])
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from None
        user.save()
    user = existing(name)
    user.groups.add(found)
    return user
