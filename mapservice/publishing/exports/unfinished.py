"""Files under way: apart from those that are whole, under whose names a crash leaves nothing."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A folder for unfinished files, on the disk of the target; its name begins with `.`."""
    try:
        unfinished = tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        error.filename = str(target)  # the name that somebody knows
        raise
    with unfinished as folder:
        yield Path(folder)


def publish(made: Path, target: Path) -> None:
    """Gives a finished file its name, once its bytes are on the disk."""
    with made.open("rb") as content:
        os.fsync(content.fileno())
    made.replace(target)
