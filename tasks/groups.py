"""The groups of a new installation. Later changes by an operator are kept."""

from typing import Any

READ = ("tasks.task.view", "tasks.tag.view")
EDIT = (*READ, "tasks.task.add", "tasks.task.change", "tasks.tag.add")
OWN_TOKENS = tuple(f"tokens.token.{action}" for action in ("view", "add", "change"))
ALL = (*EDIT, "tasks.task.delete", "tasks.tag.change", "tasks.tag.delete", *OWN_TOKENS)
GROUPS = {"Task readers": READ, "Task editors": EDIT, "Task admins": ALL}


def make_groups(apps: Any, schema_editor: Any = None) -> None:
    """For the migrations. A group that exists keeps its permissions and gets the missing ones."""
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for name, granted in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        for app, model, action in (permission.split(".") for permission in granted):
            # Django creates these after the migrations, and uses those that exist then.
            kind, _ = types.get_or_create(app_label=app, model=model)
            permission, _ = permissions.get_or_create(
                content_type=kind, codename=f"{action}_{model}", defaults={"name": f"Can {action} {model}"}
            )
            group.permissions.add(permission)
