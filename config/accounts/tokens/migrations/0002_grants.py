"""One row that gets a new version whenever what any token grants may have changed, whoever changes it.

CREATE TRIGGER takes a short lock on each table and reads no row.
"""

from django.db import migrations

VERSION = """
-- With no statistics PostgreSQL takes one page for thousands of rows, and plans each statement that asks anew.
CREATE TABLE tokens_grants (version uuid NOT NULL)
    WITH (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0);
INSERT INTO tokens_grants VALUES (gen_random_uuid());
ANALYZE tokens_grants;
CREATE FUNCTION tokens_grants_renew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tokens_grants SET version = gen_random_uuid();
    RETURN NULL;
END $$;
"""
DROP = "DROP FUNCTION tokens_grants_renew(); DROP TABLE tokens_grants;"
# Not what every login and every use of a token writes. A new user or token is nobody's grant yet.
EVENTS = {
    "tokens_token": "UPDATE OF user_id, name, public_id, digest, expires_at, revoked_at OR DELETE OR TRUNCATE",
    "auth_user": "UPDATE OF username, is_active, is_superuser OR DELETE OR TRUNCATE",
    "auth_user_groups": "INSERT OR UPDATE OR DELETE OR TRUNCATE",
    "auth_user_user_permissions": "INSERT OR UPDATE OR DELETE OR TRUNCATE",
    "auth_group_permissions": "INSERT OR UPDATE OR DELETE OR TRUNCATE",
    "auth_permission": "UPDATE OR DELETE OR TRUNCATE",
}


def trigger(table: str) -> migrations.RunSQL:
    name = f"{table}_grants"
    return migrations.RunSQL(
        f"""CREATE TRIGGER {name} AFTER {EVENTS[table]} ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();""",
        f"DROP TRIGGER {name} ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = (("tokens", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length"))
    operations = (migrations.RunSQL(VERSION, DROP), *map(trigger, EVENTS))
