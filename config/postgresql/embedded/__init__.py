"""A real PostgreSQL for local trial, started on first use and stopped when its last user is gone.

Nothing here but `base` imports Django: the keeper process must start in milliseconds.
"""

from pathlib import Path

from .client import ensure_running, release
from .errors import ServerUnavailable
from .place import DATA, DATABASE, PORT, USER, socket_folder

__all__ = ["ServerUnavailable", "connection_settings", "ensure_running", "has_data", "release"]


def connection_settings(folder: Path) -> dict[str, str]:
    """Give the entry for Django's DATABASES whose server lives in `folder`."""
    return {
        "ENGINE": __name__,
        "NAME": DATABASE,
        "USER": USER,
        "HOST": str(socket_folder(folder)),
        "PORT": PORT,
        "EMBEDDED_FOLDER": str(folder),
    }


def has_data(folder: Path) -> bool:
    """Tell whether the server in `folder` was made; the first start of one takes longer."""
    return (folder / DATA).exists()
