"""Files of a store, by its URL: found without what opens them."""

from pathlib import Path

_SQLITE = "sqlite:///"


def sqlite_file(url: str) -> Path | None:
    """The file that a store's URL names; None when it names none."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def moved_aside(url: str) -> list[Path]:
    """Broken files that lie beside a store's."""
    path = sqlite_file(url)
    if path is None:
        return []
    found = sorted(path.parent.glob(f"{path.name}*.broken-*"))
    return [file for file in found if not file.name.endswith(("-wal", "-shm"))]
