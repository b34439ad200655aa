"""Excel workbooks, transitional or strict (ECMA-376, ISO/IEC 29500), read for their values.

Elements are known by their local names, so prefixes and the two families of namespaces make no difference.
"""

from __future__ import annotations

import posixpath
import zipfile
from dataclasses import dataclass, field
from xml.parsers import expat

from guahao.kernel.sheet.markup import (
    Attributes,
    attribute,
    decoded,
    is_true,
    parse,
    refuse_document_types,
)
from guahao.kernel.sheet.number import Format, Zeros, format_of
from guahao.kernel.sheet.page import Book, Page, read_page
from guahao.kernel.sheet.table import Content, Unreadable

_MOST_FORMATS = 65_490
"""More cell formats no Excel holds."""

_MOST_SHEETS = 1_000
_NO_MEMORY = 1
"""What expat calls XML_ERROR_NO_MEMORY."""

_MALFORMED = (expat.ExpatError, LookupError, ValueError, OverflowError)


def read_xlsx(file: str, archive: zipfile.ZipFile) -> Content:
    """Read every sheet of an unzipped workbook; charts and other sheets without cells are named.

    Raises `Unreadable`, and what `zipfile` raises.
    """
    refuse_document_types(file, archive)
    try:
        return _Reader(file, archive).content()
    except Unreadable:
        raise
    except _MALFORMED as error:
        if isinstance(error, expat.ExpatError) and error.code == _NO_MEMORY:
            raise MemoryError from error
        raise Unreadable("damaged", file=file) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation:
    kind: str
    part: str


@dataclass(slots=True)
class _Outline:
    """What workbook.xml says."""

    is_1904: bool = False
    sheets: list[tuple[str, str, bool]] = field(default_factory=list)


class _Reader:
    def __init__(self, file: str, archive: zipfile.ZipFile) -> None:
        self._file = file
        self._archive = archive
        self._parts = {name.replace("\\", "/").lower().lstrip("/"): name for name in archive.namelist()}

    def content(self) -> Content:
        workbook = self._workbook_part()
        relations = self._relations(workbook)
        outline = self._outline(workbook)
        book = Book(
            is_1904=outline.is_1904,
            strings=self._strings(self._of_kind(relations, "sharedStrings")),
            formats=self._formats(self._of_kind(relations, "styles")),
        )
        tables, others = [], []
        for title, id_, is_hidden in outline.sheets:
            relation = relations[id_]
            if relation.kind == "worksheet":
                page = Page(title=title, part=self._name(relation.part), is_hidden=is_hidden)
                tables.append(read_page(self._archive, page, book))
            else:
                others.append(title)
        return Content(tables=tuple(tables), no_tables=tuple(others))

    def _name(self, part: str) -> str:
        return self._parts[part.lower()]

    def _workbook_part(self) -> str:
        main = self._of_kind(self._relations(""), "officeDocument") or "xl/workbook.xml"
        if main.lower().endswith(".bin"):
            raise Unreadable("old_excel", file=self._file)
        if "workbook" not in main.lower():
            raise Unreadable("wrong_type", file=self._file)
        return main

    def _relations(self, part: str) -> dict[str, _Relation]:
        """What the relations of a part point to, by id; types end alike in both families of namespaces."""
        folder, name = posixpath.split(part)
        found: dict[str, _Relation] = {}

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "Relationship" and (attribute(attributes, "TargetMode") or "").lower() != "external":
                target = attributes["Target"].replace("\\", "/")
                path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
                kind = attributes["Type"].rpartition("/")[2]
                found[attributes["Id"]] = _Relation(kind=kind, part=posixpath.normpath(path))

        source = self._parts.get(posixpath.join(folder, "_rels", f"{name}.rels").lower())
        if source is not None:
            parse(self._archive, source, start=start)
        return found

    @staticmethod
    def _of_kind(relations: dict[str, _Relation], kind: str) -> str | None:
        return next((relation.part for relation in relations.values() if relation.kind == kind), None)

    def _outline(self, part: str) -> _Outline:
        outline = _Outline()

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "workbookPr":
                outline.is_1904 = is_true(attribute(attributes, "date1904"))
            elif tag == "sheet":
                relation = next(value for key, value in attributes.items() if key.endswith(":id"))
                state = attribute(attributes, "state") or "visible"
                outline.sheets.append((decoded(attributes["name"]), relation, state != "visible"))
                if len(outline.sheets) > _MOST_SHEETS:
                    raise Unreadable("too_heavy", file=self._file)

        try:
            parse(self._archive, self._name(part), start=start)
        except StopIteration as error:
            raise Unreadable("damaged", file=self._file) from error
        return outline

    def _strings(self, part: str | None) -> list[str]:
        strings = _SharedStrings()
        if part is not None:
            name = self._name(part)
            parse(self._archive, name, start=strings.start, end=strings.end, characters=strings.characters)
        return strings.strings

    def _formats(self, part: str | None) -> list[Format | Zeros]:
        """What the number formats of `cellXfs` show, in their order."""
        styles = _Styles(self._file)
        if part is not None:
            parse(self._archive, self._name(part), start=styles.start, end=styles.end)
        kinds = {id_: format_of(id_, styles.codes.get(id_)) for id_ in set(styles.ids)}
        return [kinds[id_] for id_ in styles.ids]


class _SharedStrings:
    """Collects shared strings; what stands small above them to be read aloud is not part of them."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._pieces: list[str] = []
        self._in_text = False
        self._in_phonetic = False

    def start(self, tag: str, _: Attributes) -> None:
        if tag == "si":
            self._pieces.clear()
        elif tag == "t":
            self._in_text = True
        elif tag == "rPh":
            self._in_phonetic = True

    def end(self, tag: str) -> None:
        if tag == "si":
            self.strings.append(decoded("".join(self._pieces)))
        elif tag == "t":
            self._in_text = False
        elif tag == "rPh":
            self._in_phonetic = False

    def characters(self, data: str) -> None:
        if self._in_text and not self._in_phonetic:
            self._pieces.append(data)


class _Styles:
    """Collects number formats by id, and the ids that cells' styles use."""

    def __init__(self, file: str) -> None:
        self.codes: dict[int, str] = {}
        self.ids: list[int] = []
        self._file = file
        self._in_cell_formats = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "cellXfs":
            self._in_cell_formats = True
        elif tag == "numFmt":
            self.codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif tag == "xf" and self._in_cell_formats:
            self.ids.append(int(attributes.get("numFmtId", "0")))
        if max(len(self.ids), len(self.codes)) > _MOST_FORMATS:
            raise Unreadable("too_heavy", file=self._file)

    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self._in_cell_formats = False
