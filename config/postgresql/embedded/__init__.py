"""A real PostgreSQL for the local trial, started on first use and stopped after its last user has ended.

Only `base` imports Django, because the keeper process must stay small.
"""

from pathlib import Path

from .files import ServerUnavailable
from .place import DATA, DATABASE, PORT, USER, socket_folder
from .users import ensure_running, release

__all__ = ["ServerUnavailable", "connection_settings", "ensure_running", "has_data", "release"]


def connection_settings(folder: Path) -> dict[str, str]:
    """Return the entry for Django's DATABASES for the server in `folder`."""
    return {
        "ENGINE": __name__,
        "NAME": DATABASE,
        "USER": USER,
        "HOST": str(socket_folder(folder)),
        "PORT": PORT,
        "EMBEDDED_FOLDER": str(folder),
    }


def has_data(folder: Path) -> bool:
    """Whether the cluster in `folder` exists. The first start, which creates it, takes longer."""
    return (folder / DATA).exists()
