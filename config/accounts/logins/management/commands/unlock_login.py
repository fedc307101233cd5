"""Lets someone log in again who is over the limit of attempts."""

from typing import Any

from django.core.management import BaseCommand, CommandParser

from config.accounts.logins.limits import account_key, address_key
from config.accounts.logins.models import LIFTED, WINDOW, Attempts


class Command(BaseCommand):
    help = (
        f"Lift the limit on login attempts for {WINDOW.seconds // 60} minutes and at most {-LIFTED:,} attempts."
        " Name the account, and also the person's network address if many attempts came from there."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="the name of an account, or a network address")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in options["names"]:
            Attempts.objects.lift(account_key(name), address_key(name))
        names = ", ".join(options["names"])
        self.stdout.write(f"Login attempts are not limited for {WINDOW.seconds // 60} minutes: {names}.")
