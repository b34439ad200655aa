"""From a path or the bytes of a file to its tables, whatever the file turns out to be."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from guahao.kernel.sheet.delimited import SUFFIXES, delimited_table
from guahao.kernel.sheet.table import (
    MAX_FILE_BYTES,
    MAX_PARTS,
    MAX_UNPACKED_BYTES,
    Content,
    Table,
    Unreadable,
)
from guahao.kernel.sheet.xlsx import read_xlsx

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP = b"PK"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_UTF8_FLAG = 0x800
_OF_THE_SYSTEM = ("._", ".DS_Store", "Thumbs.db", "desktop.ini", "~$")
"""What macOS, Windows and Office leave beside files; nobody put it there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file by name and content, not larger than 20 MB."""

    name: str
    data: bytes


def files_at(path: Path) -> list[SourceFile]:
    """Load the file at `path`, or the files of the folder at `path`. Raises `Unreadable`."""
    if not path.is_dir():
        return [SourceFile(name=path.name, data=_load(path))]
    paths = sorted(entry for entry in path.iterdir() if entry.is_file() and not _is_of_the_system(entry))
    if not any(entry.suffix.lower() in SUFFIXES for entry in paths):
        raise Unreadable("no_csv", file=path.name)
    return [SourceFile(name=entry.name, data=_load(entry)) for entry in paths]


def _load(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Unreadable("too_big", file=path.name, limit_mb=MAX_FILE_BYTES >> 20)
        return path.read_bytes()
    except OSError as error:
        raise Unreadable("no_file", file=path.name) from error


def read_files(files: Sequence[SourceFile]) -> Content:
    """Read one file of any kind, or several that are CSV; of several the others are named as no tables.

    Takes .xlsx and .xlsm, a .csv or a .zip of them. Time and memory grow with what the file unpacks to: for
    a confined process. Raises `Unreadable`.
    """
    if len(files) == 1:
        return _read(files[0])
    return _delimited([(Path(file.name), file.data) for file in files])


def _read(file: SourceFile) -> Content:
    if not file.data:
        raise Unreadable("empty", file=file.name)
    if file.data.startswith(_OLE):
        raise Unreadable("encrypted" if _ENCRYPTED in file.data else "old_excel", file=file.name)
    if file.data.startswith(_ZIP):
        return _read_zip(file)
    if Path(file.name).suffix.lower() not in SUFFIXES:
        raise Unreadable("wrong_type", file=file.name)
    return _delimited([(Path(file.name), file.data)])


def _delimited(files: Iterable[tuple[Path, bytes]]) -> Content:
    tables: dict[str, Table] = {}
    others = []
    for path, data in files:
        if path.suffix.lower() not in SUFFIXES:
            others.append(path.name)
        elif not data:
            raise Unreadable("empty", file=path.name)
        elif path.stem in tables:
            raise Unreadable("twice", file=path.stem)
        else:
            tables[path.stem] = delimited_table(path.stem, data)
    return Content(tables=tuple(tables.values()), no_tables=tuple(others))


def _read_zip(file: SourceFile) -> Content:
    try:
        archive = zipfile.ZipFile(io.BytesIO(file.data))
        _refuse_bomb(file.name, archive)
        if "[Content_Types].xml" in archive.namelist():
            return read_xlsx(file.name, archive)
        return _read_zipped_csv(file.name, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise Unreadable("damaged", file=file.name) from error
    except RuntimeError as error:  # zipfile's answer to a part that needs a password
        raise Unreadable("encrypted", file=file.name) from error


def _refuse_bomb(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse by declared size, which zipfile enforces when reading."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise Unreadable("too_heavy", file=name)
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise Unreadable("bomb", file=name, limit_mb=MAX_UNPACKED_BYTES >> 20)


def _read_zipped_csv(name: str, archive: zipfile.ZipFile) -> Content:
    parts = [
        (part, _part_path(part)) for part in archive.infolist() if not part.filename.endswith(("/", "\\"))
    ]
    parts = [(part, path) for part, path in parts if not _is_of_the_system(path)]
    if any(path.suffix.lower() in (".xlsx", ".xlsm", ".zip") for _, path in parts):
        raise Unreadable("packed", file=name)
    if not any(path.suffix.lower() in SUFFIXES for _, path in parts):
        raise Unreadable("wrong_type", file=name)
    is_table = {path: path.suffix.lower() in SUFFIXES for _, path in parts}
    return _delimited((path, archive.read(part) if is_table[path] else b"") for part, path in parts)


def _part_path(part: zipfile.ZipInfo) -> Path:
    """Undo zipfile's guess for names that Windows wrote in GBK, and the slashes it has between folders."""
    name = part.filename
    if not (part.flag_bits & _UTF8_FLAG or name.isascii()):
        name = name.encode("cp437", "replace").decode("gb18030", "replace")
    return Path(name.replace("\\", "/"))


def _is_of_the_system(path: Path) -> bool:
    return "__MACOSX" in path.parts or path.name.startswith(_OF_THE_SYSTEM)
