"""What a result depends on: the code that computes it and the tables that the code names, as one digest.

Code is followed by name from the function that makes the result: functions, classes and constants of this package that
it mentions, and what these mention. Comments, docstrings, annotations and layout do not count, so they may change without
making a result stale. A table counts where its name stands in that code. Other libraries do not count.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cape_utils.data import loading
from cape_utils.data.schema import DataError, Problem
from cape_utils.jobs.result_cache import results_folder, write_whole

__all__ = ["Dependencies", "Place", "Provenance", "book_provenance", "derived_table", "remembered"]

_PACKAGE = "cape_utils"
_SWEEPS = "kept"  # the folder of long sweeps' results, which whatever reads one names
_KEEPING = f"{_PACKAGE}.jobs."  # what keeps results and hands them out has no part in them
_REST = "<the rest of the module>"
_MIN_LETTERS = 4  # an f-string with fewer fixed letters could be any name

Place = tuple[str, str]
"""A module and a name that it defines."""


@dataclass(frozen=True)
class Dependencies:
    """What a result depends on.

    Attributes
    ----------
    code : tuple of str
        Definitions, as ``module:name``.
    tables : tuple of str
        Names of tables; ``kept`` stands for the results of long sweeps.
    digest : str
        16 hexadecimal digits of them all.
    """

    code: tuple[str, ...]
    tables: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class _Definition:
    digest: str
    mentions: frozenset[Place]
    words: frozenset[str]
    patterns: tuple[str, ...]


class Provenance:
    """Follows definitions through the source of the package, and knows the tables.

    Parameters
    ----------
    package, tables : Path
        The folder ``cape_utils``, and that of the tables.
    """

    def __init__(self, package: Path, tables: Path) -> None:
        self._package, self._tables = package, tables
        self._modules: dict[str, _Module | None] = {}
        self._files: dict[str, str] = {}
        described = json.loads((tables / "datapackage.json").read_text(encoding="utf-8"))["resources"]
        self._resources = {resource["name"]: resource for resource in described}

    def depends_on(self, module: str, name: str) -> Dependencies:
        """Everything that a definition depends on.

        Raises
        ------
        KeyError
            If there is no such definition.
        """
        start = self._home((module, name))
        if start is None:
            raise KeyError(f"no definition {name!r} in {module}")
        reached: dict[Place, _Definition] = {}
        waiting = [start]
        while waiting:
            place = waiting.pop()
            if place in reached:
                continue
            definition = self._definition(place)
            if definition is None:
                continue
            reached[place] = definition
            waiting.append((place[0], _REST))
            homes = [home for mention in definition.mentions if (home := self._home(mention))]
            waiting += [home for home in homes if not home[0].startswith(_KEEPING)]
        tables = sorted(self._tables_named(reached.values()))
        code = tuple(f"{where}:{what}" for where, what in sorted(reached))
        parts = [f"{where}:{what} {reached[where, what].digest}" for where, what in sorted(reached)]
        parts += [f"{table} {self._table_digest(table)}" for table in tables]
        return Dependencies(code, tuple(tables), _sha("\n".join(parts).encode()))

    def functions_marked(self, modules: Sequence[str], decorator: str) -> dict[str, Place]:
        """Functions that carry ``@decorator("id")``, by id; modules that do not exist are passed over."""
        marked = {}
        for name in modules:
            module = self._module(name)
            for node in [] if module is None else [n for nodes in module.nodes.values() for n in nodes]:
                if not isinstance(node, ast.FunctionDef):
                    continue
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and _ends_in(mark.func) == decorator:
                        marked[str(ast.literal_eval(mark.args[0]))] = (name, node.name)
        return marked

    def _module(self, name: str) -> _Module | None:
        if name not in self._modules:
            path = self._package.joinpath(*name.split(".")[1:])
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            inside = name.split(".", maxsplit=1)[0] == _PACKAGE and file.is_file()
            self._modules[name] = _Module(name, file.read_text(encoding="utf-8")) if inside else None
        return self._modules[name]

    def _definition(self, place: Place) -> _Definition | None:
        module = self._module(place[0])
        return None if module is None else module.definition(place[1], self._module)

    def _home(self, place: Place) -> Place | None:
        """Where a name is defined that a module may only hand on; None for what is not of this package."""
        seen = set()
        while place not in seen:
            seen.add(place)
            module = self._module(place[0])
            if module is None:
                return None
            if place[1] in module.nodes:
                return place
            if place[1] not in module.imports:
                return None
            where, what = module.imports[place[1]]
            if what is None:
                return None
            place = (where, what)
        return None

    def _tables_named(self, definitions: Iterable[_Definition]) -> set[str]:
        named: set[str] = set()
        for definition in definitions:
            named |= definition.words & {*self._resources, _SWEEPS}
            for pattern in definition.patterns:
                named |= {table for table in self._resources if re.fullmatch(pattern, table)}
        return named

    def _table_digest(self, table: str) -> str:
        if table not in self._files:
            if table == _SWEEPS:
                files = sorted((self._tables / _SWEEPS).glob("*.jsonl"))
                content = b"".join(path.name.encode() + path.read_bytes() for path in files)
            else:
                resource = self._resources[table]
                schema = dict(resource["schema"])
                schema["fields"] = [
                    {k: v for k, v in field.items() if k not in ("description", "unit")}
                    for field in schema["fields"]
                ]
                content = (self._tables / resource["path"]).read_bytes() + json.dumps(schema).encode()
            self._files[table] = _sha(content)
        return self._files[table]


class _Module:
    """One source file: what it defines at the top, and where its imported names come from."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        tree = ast.parse(text)
        self.nodes: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, tuple[str, str | None]] = {}
        for node in ast.walk(tree):
            self.imports |= _imported(node)
        for statement in tree.body:
            for defined in _names_defined(statement):
                self.nodes.setdefault(defined, []).append(statement)
        self._known: dict[str, _Definition] = {}

    def definition(self, name: str, module_of: Callable[[str], _Module | None]) -> _Definition | None:
        if name not in self._known and name in self.nodes:
            self._known[name] = self._read(self.nodes[name], module_of)
        return self._known.get(name)

    def _read(
        self, statements: Sequence[ast.stmt], module_of: Callable[[str], _Module | None]
    ) -> _Definition:
        mentions: set[Place] = set()
        words: set[str] = set()
        patterns: list[str] = []
        said: list[str] = []
        for statement in statements:
            bases: set[int] = set()  # names that stand before a dot: the chain says what is meant
            for node in _significant(statement, said):
                if isinstance(node, ast.Attribute):
                    bases.add(id(node.value))
                if id(node) in bases:
                    continue
                if isinstance(node, ast.Name):
                    mentions |= set(self._resolve([node.id], module_of))
                elif isinstance(node, ast.Attribute):
                    mentions |= set(self._resolve(_dotted(node), module_of))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    words.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    fixed = [
                        str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values
                    ]
                    if sum(map(len, fixed)) >= _MIN_LETTERS:
                        patterns.append("".join(re.escape(part) or ".+" for part in fixed))
        return _Definition(
            _sha("".join(said).encode()), frozenset(mentions), frozenset(words), tuple(patterns)
        )

    def _resolve(self, names: Sequence[str], module_of: Callable[[str], _Module | None]) -> Iterator[Place]:
        """Places that a name, or a chain of attributes of one, may mean."""
        if not names:
            return
        first, *others = names
        if first in self.nodes:
            yield (self.name, first)
            return
        if first not in self.imports:
            return
        where, what = self.imports[first]
        if what is not None and module_of(f"{where}.{what}") is not None:
            where, what = f"{where}.{what}", None
        if what is not None:
            yield (where, what)
            return
        while others and module_of(f"{where}.{others[0]}") is not None:
            where, others = f"{where}.{others[0]}", others[1:]
        module = module_of(where)
        if others:
            yield (where, others[0])
        elif module is not None:  # the module itself is handed on: all of it may be used
            yield from ((where, defined) for defined in module.nodes)


def _imported(node: ast.AST) -> dict[str, tuple[str, str | None]]:
    """Names that an import binds, with the module and the name there (None where it is the module itself)."""
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: (
                alias.name if alias.asname else alias.name.split(".")[0],
                None,
            )
            for alias in node.names
        }
    return {}


def _names_defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    imports = isinstance(statement, ast.Import | ast.ImportFrom)
    for_types = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test)
    words = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    if imports or for_types or words:
        return []
    bound = [
        node.id if isinstance(node, ast.Name) else node.name
        for node in ast.walk(statement)
        if (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        or isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    return [*dict.fromkeys(bound), _REST]


def _ends_in(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.Attribute) -> list[str]:
    names = [node.attr]
    inner = node.value
    while isinstance(inner, ast.Attribute):
        names.append(inner.attr)
        inner = inner.value
    return [inner.id, *reversed(names)] if isinstance(inner, ast.Name) else []


_SILENT = ("ctx", "type_comment", "kind", "returns", "annotation", "type_params")


def _significant(node: ast.AST, said: list[str], *, in_class: bool = False) -> Iterator[ast.AST]:
    """Every node that can change a result; ``said`` gets what it says, in words that no Python version changes."""
    yield node
    said.append(f"({type(node).__name__}")
    for field, value in ast.iter_fields(node):
        # The annotation of a field of a record counts: it makes the field.
        record = isinstance(node, ast.AnnAssign) and in_class and field == "annotation"
        if (field in _SILENT and not record) or value is None or value == []:
            continue
        parts = value if isinstance(value, list) else [value]
        if field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parts = [part for part in parts if not _is_text(part)]
        said.append(f" {field}[")
        for part in parts:
            if isinstance(part, ast.AST):
                yield from _significant(part, said, in_class=isinstance(node, ast.ClassDef))
            else:
                said.append(f"{part!r},")
        said.append("]")
    said.append(")")


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@functools.cache
def book_provenance() -> Provenance:
    """The package as it is installed, with its tables."""
    return Provenance(Path(__file__).resolve().parents[1], loading.tables_folder())


@functools.cache
def _fingerprint() -> str:
    """Digest of all source and all tables: while it stays the same, so does every digest computed from them."""
    package, tables = Path(__file__).resolve().parents[1], loading.tables_folder()
    whole = hashlib.sha256()
    for path in [*sorted(package.rglob("*.py")), *sorted(tables.glob("*.*")), *sorted(tables.glob("kept/*"))]:
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def remembered(name: str, compute: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What ``compute`` gives, remembered in the reader's folder of results until any source or table changes.

    Parameters
    ----------
    name : str
        Of the file.
    compute : callable
        Depends on nothing but the package and its tables.
    """
    path = results_folder() / f"{name}.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["fingerprint"] == _fingerprint():
            return dict(known["value"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there yet, or cut short: it is computed again
    value = compute()
    write_whole(path, json.dumps({"fingerprint": _fingerprint(), "value": value}))
    return value


@functools.cache
def _digests_of_tables() -> dict[str, str]:
    def compute() -> dict[str, str]:
        book = book_provenance()
        return {
            name: book.depends_on(*resource["madeBy"]["code"].split(":")).digest
            for name, resource in loading.table_resources().items()
            if "madeBy" in resource
        }

    return remembered("derived_tables", compute)


def derived_table(name: str) -> pd.DataFrame:
    """A table that this package computed from other tables of the book, refused where it is stale.

    Parameters
    ----------
    name : str
        Of a table whose description says by what it was made (``madeBy`` in ``data/datapackage.json``).

    Raises
    ------
    DataError
        If the code or the tables behind it have changed since.

    Examples
    --------
    >>> sorted(derived_table("forecast_quality")["method"].unique())[0]
    'dense linear ODE'
    """
    made_by = loading.table_resources()[name]["madeBy"]
    if _digests_of_tables()[name] != made_by["digest"]:
        remedy = f"it is stale: {made_by['code']}, or a table that this reads, has changed since; renew it with: make tables"
        raise DataError([Problem(f"{name}.csv", None, None, None, remedy)])
    return loading.load(name)
