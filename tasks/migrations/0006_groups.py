"""Groups to begin with. What an operator makes of them later stays; undoing this migration leaves them."""

from typing import Any

from django.db import migrations

READ = ("tasks.task.view", "tasks.tag.view")
EDIT = (*READ, "tasks.task.add", "tasks.task.change", "tasks.tag.add")
OWN_TOKENS = tuple(f"tokens.token.{action}" for action in ("view", "add", "change"))
ALL = (*EDIT, "tasks.task.delete", "tasks.tag.change", "tasks.tag.delete", *OWN_TOKENS)
GROUPS = {"Task readers": READ, "Task editors": EDIT, "Task admins": ALL}


def make_groups(apps: Any, schema_editor: Any) -> None:
    """A group that exists keeps what it has, and gets what it lacks."""
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for name, granted in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        for app, model, action in (permission.split(".") for permission in granted):
            # Django makes these after the migrations, and takes what is there then for its own.
            kind, _ = types.get_or_create(app_label=app, model=model)
            permission, _ = permissions.get_or_create(
                content_type=kind, codename=f"{action}_{model}", defaults={"name": f"Can {action} {model}"}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (
        ("tasks", "0005_change_indexes"),
        ("tokens", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (migrations.RunPython(make_groups, migrations.RunPython.noop),)
