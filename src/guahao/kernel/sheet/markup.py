"""XML parts of a workbook as a stream of elements, whatever prefix or namespace they are written in."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from xml.parsers import expat

from guahao.kernel.sheet.table import Unreadable

Attributes = dict[str, str]

_CHUNK_BYTES = 1 << 20
"""Large, since expat reads a token that goes over many pieces again with each of them."""

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


class _RootSeen(Exception):
    """The prolog is over."""


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def attribute(attributes: Attributes, name: str) -> str | None:
    """An attribute by its local name; one without a prefix comes first."""
    if name in attributes:
        return attributes[name]
    return next((value for key, value in attributes.items() if local(key) == name), None)


def is_true(value: str | None) -> bool:
    """Read a boolean attribute."""
    return value is not None and value.lower() in ("1", "true", "on")


def decoded(value: str) -> str:
    """Undo Excel's `_xHHHH_`, by which it writes what XML cannot hold; line ends become one newline."""
    if "_x" in value:
        value = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), value)
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value


def parse(
    archive: zipfile.ZipFile,
    part: str,
    *,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    characters: Callable[[str], None] | None = None,
) -> None:
    """Call the handlers with every element of a part, by local name.

    Raises expat.ExpatError for what is not XML, LookupError or ValueError for an encoding that expat does not
    know, and what the handlers raise.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: start(local(name), attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(local(name))
    if characters is not None:
        parser.CharacterDataHandler = characters
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            parser.Parse(chunk, False)  # expat's signature
    parser.Parse(b"", True)  # expat's signature


def refuse_document_types(file: str, archive: zipfile.ZipFile) -> None:
    """Refuse a workbook with a DOCTYPE in any of its parts, in any encoding: Excel never writes one.

    Entities, by which a few bytes become gigabytes, can be declared nowhere else. Raises `Unreadable`.
    """
    for part in archive.namelist():
        if part.lower().endswith((".xml", ".rels", ".vml")) and _has_document_type(archive, part):
            raise Unreadable("doctype", file=file)


def _has_document_type(archive: zipfile.ZipFile, part: str) -> bool:
    found: list[str] = []

    def document_type(name: str, *_: object) -> None:
        found.append(name)
        raise _RootSeen

    def root(*_: object) -> None:
        raise _RootSeen

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = document_type
    parser.StartElementHandler = root
    try:
        for chunk in _chunks(archive, part):
            parser.Parse(chunk, False)  # expat's signature
    except (_RootSeen, expat.ExpatError, LookupError, ValueError):  # of an encoding that expat does not know
        return bool(found)
    return False


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        size = 4096
        while chunk := stream.read(size):
            yield chunk
            size = _CHUNK_BYTES
