"""Tokens, and one row that gets a new version whenever the permissions of any token may have changed.

In one transaction: CREATE TRIGGER locks the tables of users and groups, which are not in use yet.
"""

from pathlib import Path

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

from config.accounts.tokens.models import default_expiry
from config.postgresql.sql_files import drop, install

GRANTS = Path(__file__).parents[1] / "sql" / "grants.sql"
# Without statistics PostgreSQL assumes thousands of rows in the one page, and makes a new plan for each statement.
VERSION = """
    CREATE TABLE tokens_grants (version uuid NOT NULL)
        WITH (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0);
    INSERT INTO tokens_grants VALUES (gen_random_uuid());
    ANALYZE tokens_grants"""


class Migration(migrations.Migration):
    initial = True
    replaces = [("tokens", "0001_initial"), ("tokens", "0002_grants"), ("tokens", "0003_sql_files")]
    dependencies = (
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
    )
    operations = (
        migrations.CreateModel(
            "Token",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(max_length=100, help_text="What uses it, such as backup script or Anna's phone."),
                ),
                ("public_id", models.CharField(max_length=12, unique=True, editable=False)),
                ("digest", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "expires_at",
                    models.DateTimeField(default=default_expiry, help_text="From then on it is refused."),
                ),
                ("last_used_at", models.DateTimeField(null=True, editable=False)),
                ("revoked_at", models.DateTimeField(null=True, editable=False)),
                ("user", models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")),
            ],
            {
                "ordering": ("-created_at",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "name"),
                        condition=models.Q(revoked_at=None),
                        name="token_name_unique",
                        violation_error_message="This user has a token of that name already. Revoke it first.",
                    )
                ],
            },
        ),
        migrations.RunSQL(VERSION, "DROP TABLE tokens_grants"),
        install(GRANTS, undo=drop(GRANTS)),
    )
