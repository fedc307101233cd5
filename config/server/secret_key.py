"""The secret key of a local trial: generated once, kept beside the embedded data, readable only by its owner."""

import contextlib
import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def local_secret_key(folder: Path) -> str:
    """The key in `folder`, generated if there is none. Two processes that start at once get the same key."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        draft = folder / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(get_random_secret_key())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)  # atomic, and the first process wins
        draft.unlink()
    return path.read_text()
