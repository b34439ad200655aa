"""Import-linter contract: a domain shows other domains only its public modules."""

from __future__ import annotations

from typing import TypedDict, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class _Found(TypedDict):
    found: list[tuple[str, str]]


class PublicSurface(Contract):
    """Across domains, only `<root>.<domain>.<public>` may be imported.

    `open_domains` may be imported whole; `readers` may import everything.
    """

    type_name = "public_surface"

    root = fields.StringField()
    public = fields.SetField(subfield=fields.StringField())
    open_domains = fields.SetField(subfield=fields.StringField())
    readers = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001  # the library's signature
        """Collect every import that reaches past another domain's public modules."""
        del verbose
        found = [
            (importer, imported)
            for importer in graph.modules
            for imported in graph.find_modules_directly_imported_by(importer)
            if self._reaches_past(importer, imported)
        ]
        return ContractCheck(kept=not found, metadata={"found": sorted(found)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that breaks the contract."""
        metadata = cast("_Found", check.metadata)  # import-linter types metadata as a bare dict
        for importer, imported in metadata["found"]:
            output.print_error(f"{importer} reaches into {imported}")

    def _reaches_past(self, importer: str, imported: str) -> bool:
        prefix = f"{self.root}."
        if not (importer.startswith(prefix) and imported.startswith(prefix)):
            return False
        here = importer.removeprefix(prefix).split(".")[0]
        there, *rest = imported.removeprefix(prefix).split(".")
        if here == there or there in self._names("open_domains") or here in self._names("readers"):
            return False
        return not rest or rest[0] not in self._names("public")

    def _names(self, option: str) -> set[str]:
        return cast("set[str]", getattr(self, option))  # import-linter types a field by its descriptor
