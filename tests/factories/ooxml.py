"""Workbooks with parts that no ordinary program writes: rewritten, replaced or added."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.factories.workbook import Sheets, sheets, write_xlsx

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"

Rewrite = Callable[[str, bytes], bytes]


def rewritten(content: bytes, rewrite: Rewrite, **added: bytes) -> bytes:
    """The workbook with each part passed through `rewrite`, and parts added by name."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for part in source.namelist():
            target.writestr(part, rewrite(part, source.read(part)))
        for part, data in added.items():
            target.writestr(part, data)
    return out.getvalue()


def workbook(folder: Path, content: Sheets | None = None) -> bytes:
    """A valid workbook as openpyxl writes it."""
    return write_xlsx(folder / "plain.xlsx", sheets() if content is None else content).read_bytes()


def strict(content: bytes) -> bytes:
    """As Excel saves "Strict Open XML": every namespace of its own family."""
    return rewritten(
        content,
        lambda _, data: data.replace(MAIN.encode(), STRICT_MAIN.encode()).replace(
            OFFICE.encode(), STRICT_OFFICE.encode()
        ),
    )


def strict_parts(content: bytes) -> bytes:
    """Strict parts under transitional relations, as some converters write."""
    return rewritten(
        content,
        lambda part, data: (
            data if part.endswith(".rels") else data.replace(MAIN.encode(), STRICT_MAIN.encode())
        ),
    )


def prefixed(content: bytes) -> bytes:
    """As SAP and .NET libraries write: every element of the main namespace with the prefix x."""

    def rewrite(part: str, data: bytes) -> bytes:
        if not part.startswith("xl/") or MAIN.encode() not in data:
            return data
        data = re.sub(rb"<(/?)([A-Za-z]+)(?=[\s/>])", rb"<\1x:\2", data)
        return data.replace(b'xmlns="' + MAIN.encode(), b'xmlns:x="' + MAIN.encode())

    return rewritten(content, rewrite)


def replace_part(content: bytes, name: str, data: bytes) -> bytes:
    """Another content for one part."""
    return rewritten(content, lambda part, before: data if part == name else before)


def edit_sheet(content: bytes, number: int, edit: Callable[[bytes], bytes]) -> bytes:
    """Edit the XML of the sheet with this number, from 1."""
    return rewritten(
        content,
        lambda part, data: edit(data) if part == f"xl/worksheets/sheet{number}.xml" else data,
    )


def with_strings(content: bytes, data: bytes) -> bytes:
    """With this part of shared strings."""
    relation = (
        b'<Relationship Id="strings" Type="%s/sharedStrings" Target="sharedStrings.xml"/>' % OFFICE.encode()
    )
    related = rewritten(
        content,
        lambda part, before: (
            before.replace(b"</Relationships>", relation + b"</Relationships>")
            if part == "xl/_rels/workbook.xml.rels"
            else before
        ),
    )
    return rewritten(related, lambda _, before: before, **{"xl/sharedStrings.xml": data})


def shared(content: bytes) -> bytes:
    """As Excel writes: texts stand in a part of their own, here with marks of how to read them aloud."""
    strings: list[bytes] = []

    def share(match: re.Match[bytes]) -> bytes:
        strings.append(match[2])
        return b'<c%s t="s"><v>%d</v></c>' % (match[1], len(strings) - 1)

    cell = re.compile(rb'<c((?: [rs]="[^"]*")*) t="inlineStr"><is><t[^>]*>([^<]*)</t></is></c>')
    moved = rewritten(
        content, lambda part, data: cell.sub(share, data) if part.startswith("xl/worksheets/") else data
    )
    items = b"".join(
        b'<si><r><t xml:space="preserve">%s</t></r><rPh sb="0" eb="1"><t>yin</t></rPh></si>' % text
        for text in strings
    )
    return with_strings(moved, b'<sst xmlns="%s">%s</sst>' % (MAIN.encode(), items))
