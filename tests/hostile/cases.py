"""The table of hostile inputs: what is written into a folder, the command that reads it, and what must come of it.

A case is refused with these words, or read with these words in what is printed; anything else (a traceback, a hang, another
answer) fails. The words of a refusal name the place: a line, a key, a file.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFUSED, READ = "refused", "read"


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Attributes
    ----------
    name : str
        Kind and input.
    make : callable
        Writes into the folder it is given and returns the arguments of ``cape``.
    outcome : str
        ``REFUSED`` or ``READ``.
    words : tuple of str
        All stand in what is printed.
    """

    name: str
    make: Callable[[Path], list[str]]
    outcome: str
    words: tuple[str, ...]


HEAD = "model,family,params_b,hellaswag,truthfulqa_mc2"
ROWS = ["a-1b,a,1,40,41", "a-3b,a,3,50,39"]


def _table(content: str | bytes, name: str = "scores.csv") -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (folder / name).write_bytes(raw)
        return ["scores", str(folder / name)]

    return make


def _cell(column: str, value: str) -> str:
    names = [*HEAD.split(","), "hellaswag_items"]
    row = dict(zip(names, ["a-1b", "a", "1", "40", "41", "10042"], strict=True)) | {column: value}
    quoted = ['"' + row[name].replace('"', '""') + '"' for name in names]
    return "\n".join([",".join(names), ",".join(quoted), "a-3b,a,3,50,39,10042"]) + "\n"


NO_NUMBERS = {
    "too large": "1e400", "negative": "-1", "infinite": "inf", "minus infinite": "-Infinity", "hexadecimal": "0x28",
    "with underscores": "4_0", "Arabic digits": "\u0664\u0660", "a fraction sign": "\u00bd", "two points": "4.0.1",
    "two signs": "--40", "a formula": "=40", "a word": "forty", "a truth value": "True", "400 digits": "9" * 400,
    "5,000 digits": "9" * 5000, "an escape": "\x1b[31m40", "an override": "\u202e04", "a list": "[40]", "a date": "2024-01-01",
    "a long text": "x" * 100_000, "two numbers": "40 41", "half a power": "1e", "a complex number": "40j", "fullwidth": "\uff14\uff10",
}  # fmt: skip


def _csv_cells() -> Iterator[Case]:
    for column in ("params_b", "hellaswag", "hellaswag_items"):
        for what, value in NO_NUMBERS.items():
            yield Case(f"{column}: {what}", _table(_cell(column, value)), REFUSED, ("line 2", column))
    yield Case("params_b: zero", _table(_cell("params_b", "0")), REFUSED, ("line 2", "params_b"))
    yield Case(
        "params_b: next to nothing", _table(_cell("params_b", "1e-400")), REFUSED, ("line 2", "params_b")
    )
    yield Case(
        "params_b: empty", _table(_cell("params_b", "")), REFUSED, ("line 2", "params_b", "a value is needed")
    )
    yield Case(
        "hellaswag: above 100", _table(_cell("hellaswag", "100.5")), REFUSED, ("line 2", "at most 100")
    )
    yield Case("hellaswag: minus nothing", _table(_cell("hellaswag", "-0")), READ, ("a-1b",))
    yield Case("hellaswag: empty", _table(_cell("hellaswag", "")), READ, ("a-1b (1B): truthfulqa_mc2 41.0",))
    yield Case("hellaswag: NaN", _table(_cell("hellaswag", "NaN")), READ, ("a-1b (1B): truthfulqa_mc2 41.0",))
    yield Case("hellaswag: a plus", _table(_cell("hellaswag", "+40")), READ, ("hellaswag 40.0",))
    yield Case("hellaswag: a power", _table(_cell("hellaswag", "4e1")), READ, ("hellaswag 40.0",))
    yield Case("hellaswag: spaces around", _table(_cell("hellaswag", "  40 ")), READ, ("hellaswag 40.0",))
    yield Case(
        "hellaswag: a fraction among percent",
        _table(_cell("hellaswag", "0.4")),
        REFUSED,
        ("line 2", "fraction"),
    )
    yield Case(
        "items: a fraction", _table(_cell("hellaswag_items", "10.5")), REFUSED, ("line 2", "whole number")
    )
    yield Case(
        "items: more than there can be",
        _table(_cell("hellaswag_items", "9" * 20)),
        REFUSED,
        ("line 2", "at most"),
    )


def _csv_files() -> Iterator[Case]:
    text = "\n".join([HEAD, *ROWS]) + "\n"
    refused = {
        "empty": ("", "is empty"),
        "spaces": (" \n\t\n", "is empty"),
        "a header alone": (HEAD + "\n", "no row"),
        "no header": ("\n".join(ROWS), "line 1"),
        "a column twice": (f"{HEAD},hellaswag\n{ROWS[0]},1\n", "twice"),
        "a column without a name": (f"{HEAD},\n{ROWS[0]},1\n", "no name"),
        "a row too long": (f"{text}a-7b,a,7,60,38,9,9\n", "line 4"),
        "a row too short": (f"{text}a-7b,a\n", "line 4"),
        "a quotation mark alone": (f'{HEAD}\n"a-1b,a,1,40,41\n', "quotation"),
        "a model twice": (f"{text}{ROWS[0]}\n", "another row"),
        "an empty model": (f"{text},a,7,60,38\n", "line 4"),
        "a model of spaces": (f"{text}   ,a,7,60,38\n", "line 4"),
        "no benchmark": ("model,family,params_b\na-1b,a,1\n", "benchmark"),
        "an ambiguous column": ("model,family,params_b,truthfulqa\na-1b,a,1,40\n", "truthfulqa_mc1"),
        "a size that is not the name's": (f"{HEAD}\na-1b,a,70,40,41\n", "line 2"),
        "all scores as fractions but one": (f"{HEAD}\na-1b,a,1,0.4,0.41\na-3b,a,3,50,39\n", "fraction"),
        "one long line": ("x" * 3_000_000, "line 1"),
        "commas alone": ("," * 10_000, "line 1"),
        "new lines alone": ("\n" * 100_000 + "a", "line"),
        "quotation marks alone": ('"' * 99_999, "quotation"),
        "HTML": ("<html><body><table><tr><td>model</td></tr></table></body></html>", "line 1"),
        "a header of the schema with other separators": (
            f"{HEAD}\n".replace(",", "|") + "a|a|1|40|41\n",
            "line 1",
        ),
        "brackets without end": ("(" * 200_000 + "," + HEAD, "line 1"),
        "a zero byte at the start": (b"\0" + text.encode(), "binary"),
        "a zero byte late": (text.encode() + b"b-1b,b,1,40,41\n" * 20_000 + b"c\0,c,1,40,41\n", "zero byte"),
        "a zip archive": (b"PK\x03\x04" + b"x" * 100, "spreadsheet"),
        "an old workbook": (b"\xd0\xcf\x11\xe0" + b"x" * 100, "spreadsheet"),
        "Latin letters in another encoding": (text.replace("a-1b", "\u00e9-1b").encode("latin-1"), "UTF-8"),
        "UTF-32": (text.encode("utf-32"), ""),
        "UTF-16 cut short": (text.encode("utf-16")[:-1], "UTF-16"),
        "half a surrogate pair": (text.replace("a-1b", "\ud800-1b"), "UTF-8"),
        "an overlong encoding": (text.encode().replace(b"a-1b", b"\xc0\xae-1b"), "UTF-8"),
        "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
    }
    for what, (content, words) in refused.items():
        yield Case(f"table: {what}", _table(content), REFUSED, (words,))
    accepted = {
        "a byte order mark": "\ufeff" + text,
        "Windows line ends": text.replace("\n", "\r\n"),
        "a tab": text.replace(",", "\t"),
        "a semicolon": text.replace(",", ";"),
        "decimal commas": text.replace(",", ";").replace(";40;", ";40,0;"),
        "UTF-16": text.encode("utf-16"),
        "empty lines": text.replace("\n", "\n\n"),
        "no line feed at the end": text.rstrip(),
        "a title above": "Scores of my models\n" + text,
        "1,000 columns more": "\n".join(
            f"{line},{','.join([f'c{i}' if not n else '1' for i in range(1000)])}"
            for n, line in enumerate([HEAD, *ROWS])
        ),
        "5,000 rows": text + "".join(f"m{i},b,{1 + i / 10000},40,41\n" for i in range(5000)),
    }
    for what, content in accepted.items():
        yield Case(f"table: {what}", _table(content), READ, ("hellaswag 40.0", "truthfulqa_mc2 39.0"))
    yield Case(
        "table: JSON lines cut short", _table('{"model": "a"\n', "a.jsonl"), REFUSED, ("line 1", "not JSON")
    )
    yield Case("table: JSON lines of lists", _table("[1, 2]\n", "a.jsonl"), REFUSED, ("line 1", "object"))
    yield Case(
        "table: JSON lines too deep", _table('{"a": ' + "[" * 5000 + "\n", "a.jsonl"), REFUSED, ("line 1",)
    )
    big = '{"model": "a-1b", "family": "a", "params_b": 1, "hellaswag": 1e400}\n'
    yield Case(
        "table: JSON lines with 1e400", _table(big, "a.jsonl"), REFUSED, ("line 1", "hellaswag", "1e400")
    )
    yield Case("table: YAML", _table("a: 1\n", "a.yml"), REFUSED, ("YAML",))
    yield Case("table: a broken workbook", _table(b"PK\x03\x04rest", "a.xlsx"), REFUSED, ("a.xlsx",))
    yield Case("table: a broken Parquet file", _table(b"PAR1rest", "a.parquet"), REFUSED, ("a.parquet",))
    yield Case("table: Markdown without cells", _table("|---|---|\n", "a.md"), REFUSED, ("a.md",))


def _document(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "results": {
            "hellaswag": {"acc_norm,none": 0.4, "acc,none": 0.3},
            "truthfulqa_mc2": {"acc,none": 0.41},
        },
        "config": {"model_args": "pretrained=org/a-1b"},
        "n-shot": {"hellaswag": 10},
        "versions": {"hellaswag": 1},
        "n-samples": {"hellaswag": {"original": 10042, "effective": 10042}},
        "date": 1.7e9,
        "model_name": "org/a-1b",
    }
    for path, value in changes.items():
        at = document
        *parents, last = path.split("/")
        for parent in parents:
            at = at[parent]
        at[last] = value
    return document


def _results(
    content: str | bytes | dict[str, Any], name: str = "results_1.json"
) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        raw = json.dumps(content) if isinstance(content, dict) else content
        place = folder / "in"
        place.mkdir()
        (place / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
        return ["scores", str(place)]

    return make


def _raw_number(path: str, written: str) -> str:
    """JSON with a number that Python would not write."""
    return json.dumps(_document(**{path: "HERE"})).replace('"HERE"', written)


def _json_files() -> Iterator[Case]:
    places = ("date", "n-samples/hellaswag/effective", "n-shot/hellaswag", "versions/hellaswag", "config/limit",
              "config/model_num_parameters", "results/hellaswag/acc_norm,none", "model_name", "results/truthfulqa_mc2/acc,none")  # fmt: skip
    for path in places:
        for what, written in {
            "1e400": "1e400",
            "-1e400": "-1e400",
            "400 digits": "9" * 400,
            "5,000 digits": "9" * 5000,
        }.items():
            key = path.replace("/", ".")
            yield Case(
                f"results: {key} is {what}",
                _results(_raw_number(path, written)),
                REFUSED,
                (f"key '{key}'", "number that fits"),
            )
    for what, value in {
        "above 1": 1.5, "negative": -0.1, "a word": "0.4", "true": True, "a list": [0.4], "an object": {}, "null": None,
    }.items():  # fmt: skip
        changed = _document(**{"results/hellaswag/acc_norm,none": value})
        yield Case(
            f"results: a score {what}",
            _results(changed),
            REFUSED,
            ("results.hellaswag.acc_norm,none", "from 0 to 1"),
        )
    for what, written in {"NaN": "NaN", "infinite": "Infinity"}.items():
        text = _raw_number("results/hellaswag/acc_norm,none", written)
        yield Case(
            f"results: a score {what}",
            _results(text),
            REFUSED,
            ("results.hellaswag.acc_norm,none", "from 0 to 1"),
        )
    for path, value in {
        "date": "yesterday", "n-samples": [1], "n-shot": "five", "versions": None, "config": 7, "configs": [[]],
        "config_general": "x", "group_subtasks": {"a": 1}, "n-samples/hellaswag": "many", "n-samples/hellaswag/effective": "many",
        "n-shot/hellaswag": [5], "versions/hellaswag": {"a": 1}, "config/model_args": [1, 2], "config/model_num_parameters": "1b",
        "config/model_num_parameters ": -5, "chat_template": [1], "system_instruction": {"a": 1}, "results/other": {},
    }.items():  # fmt: skip
        yield Case(
            f"results: {path.strip()} is {value!r:.20}",
            _results(_document(**{path.strip(): value})),
            READ,
            ("hellaswag 40.0",),
        )
    refused = {
        "empty": (b"", "is empty"),
        "cut short": (json.dumps(_document())[:-30], "cut short"),
        "no JSON": ("hello", "not JSON"),
        "a zero byte": (b"\0" + json.dumps(_document()).encode(), "not JSON"),
        "another encoding": (
            json.dumps(_document(model_name="\u00e9-1b"), ensure_ascii=False).encode("latin-1"),
            "UTF-8",
        ),
        "lists without end": ("[" * 200_000, "deep"),
        "objects without end": ('{"a":' * 200_000, "deep"),
        "500 lists deep": (_raw_number("config/x", "[" * 500 + "]" * 500), "deep"),
        "a number": ("5", "list"),
        "a list of lists": ("[[]]", "list"),
        "results as a list": ({"results": [1]}, "key 'results'"),
        "results empty": ({"results": {}}, "key 'results'"),
        "a task as a number": (_document(**{"results/hellaswag": 0.4}), "results.hellaswag"),
        "no name": ({"results": {"hellaswag": {"acc_norm,none": 0.4}}}, "model_name"),
        "a name as a number": (_document(model_name=5), "model_name"),
        "a name of spaces": (_document(model_name="   "), "model_name"),
        "a limit below 0": (_document(**{"config/limit": -1}), "config.limit"),
        "a limit as a word": (_document(**{"config/limit": "some"}), "config.limit"),
        "a size that nothing tells": (_document(model_name="org/nameless"), "--sizes"),
        "a mixture": (_document(model_name="org/a-8x7b"), "a-8x7b"),
    }
    for what, (content, words) in refused.items():
        if isinstance(content, str) and content == "5":
            words = "results"
        if isinstance(content, str) and content == "[[]]":
            words = "results"
        yield Case(f"results: {what}", _results(content), REFUSED, (words,))
    yield Case(
        "results: a key twice",
        _results(json.dumps(_document())[:-1] + ', "date": 1}'),
        READ,
        ("hellaswag 40.0",),
    )
    yield Case(
        "results: a byte order mark",
        _results(b"\xef\xbb\xbf" + json.dumps(_document()).encode()),
        READ,
        ("hellaswag 40.0",),
    )
    many = {f"task_{i}": {"acc,none": 0.5} for i in range(20_000)} | _document()["results"]
    yield Case("results: 20,000 tasks", _results(_document(results=many)), READ, ("hellaswag 40.0",))
    for what, long in {
        "letters": "a" * 100_000,
        "dashes": "models--" * 15_000,
        "slashes": "/" * 100_000,
    }.items():
        changed = _document(model_name=f"org/{long}-1b")
        yield Case(f"results: a name of 100,000 {what}", _results(changed), REFUSED, ("characters",))
    stats = [{"name": {"name": "exact_match", "split": "test"}, "mean": 0.4}]
    yield Case("HELM: no description", _results(json.dumps(stats), "stats.json"), REFUSED, ("run_spec.json",))
    log = {"eval": {"task": "hellaswag", "model": "hf/org/a-1b"}, "status": "started"}
    yield Case("Inspect: not finished", _results(log, "log.json"), REFUSED, ("status", "started"))
    log = {"eval": {"task": "hellaswag", "model": [1]}, "status": "success", "results": {"scores": 5}}
    yield Case("Inspect: scores as a number", _results(log, "log.json"), REFUSED, ("log.json",))
    log = {"eval": {"task": "hellaswag", "model": "org/a-1b"}, "status": "success", "results": {"scores": [{"metrics": {"accuracy": {"value": "x"}}}]}}  # fmt: skip
    yield Case("Inspect: a score as a word", _results(log, "log.json"), REFUSED, ("log.json",))
    record = {"model_info": {"id": "org/a-1b"}, "evaluation_results": 5}
    yield Case("Every Eval Ever: results as a number", _results(record, "e.json"), REFUSED, ("e.json",))
    olmes = {"model_config": {"model": "org/a-1b"}, "tasks": [5]}
    yield Case("OLMES: a task as a number", _results(olmes, "metrics.json"), REFUSED, ("no file results_",))
    olmes = {
        "model_config": {"model": "org/a-1b"},
        "all_primary_scores": 5,
        "tasks": [5, None, {"metrics": 5}],
    }
    yield Case("OLMES: tasks as numbers", _results(olmes, "metrics.json"), REFUSED, ("metrics.json",))


def _archive(members: dict[str, bytes], *, declared: int | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _archives() -> Iterator[Case]:
    for what, content in {
        "empty": b"",
        "no archive": b"hello",
        "no header": _archive({"a.json": b"{}"}),
        "a broken header": _archive({"header.json": b"{"}),
        "a header too deep": _archive({"header.json": b"[" * 100_000}),
        "a header with 1e400": _archive(
            {"header.json": b'{"eval": {"task": "a", "model": "b", "x": 1e400}}'}
        ),
        "a bomb": _archive({"header.json": b" " * 200_000_000}),
        "cut short": _archive({"header.json": b"{}" * 100})[:-20],
        "spoilt in the middle": _archive({"header.json": os.urandom(1000)})[:200].ljust(1200, b"x"),
    }.items():
        yield Case(f"archive: {what}", _results(content, "log.eval"), REFUSED, ("log.eval",))


CONTROLS = {
    "clears the screen": "\x1b[2J", "sets the title": "\x1b]0;x\x07", "C1": "\x9b31m", "carriage return": "\rshown",
    "backspace": "\x08\x08\x08", "override": "\u202e", "isolate": "\u2066", "zero width": "\u200b", "line separator": "\u2028",
    "tags": "\U000e0041",
}  # fmt: skip


def _names() -> Iterator[Case]:
    for what, control in CONTROLS.items():
        written = "\\u"
        row = f'"a{control}x-1b",a,1,40,41'
        yield Case(
            f"name: {what} in a model",
            _table(f"{HEAD}\n{row}\n{ROWS[1]}\n"),
            READ,
            ("hellaswag 40.0", written),
        )
        row = f'a-1b,"fam{control}x",1,40,41'
        yield Case(
            f"name: {what} in a family",
            _table(f"{HEAD}\n{row}\n{ROWS[1]}\n"),
            READ,
            ("hellaswag 40.0", written),
        )
        named = _document(model_name=f"org/a{control}x-1b")
        yield Case(f"name: {what} in a result", _results(named), READ, ("hellaswag 40.0", written))
        task = _document(**{f"results/t{control}x": {"acc,none": 0.5}})
        shown = () if control.isspace() or control[0].isspace() else (written,)
        yield Case(f"name: {what} in a task", _results(task), READ, ("hellaswag 40.0", *shown))
        if "\0" not in control and "/" not in control:
            yield Case(
                f"name: {what} in a file",
                _table(f"{HEAD}\n", f"s{control}x.csv"),
                REFUSED,
                ("no row", written),
            )
    for what, name in {
        "markup": "<script>alert(1)</script>",
        "a formula": "=cmd|' /C calc'!A0",
        "a quotation": "a'b`c",
    }.items():
        yield Case(
            f"name: {what}", _table(f'{HEAD}\n"{name}",a,1,40,41\n{ROWS[1]}\n'), READ, ("hellaswag 40.0",)
        )


def _places() -> Iterator[Case]:
    def at(argument: str, build: Callable[[Path], object] = lambda _: None) -> Callable[[Path], list[str]]:
        def make(folder: Path) -> list[str]:
            build(folder)
            return ["scores", argument.format(at=folder)]

        return make

    def deep(folder: Path) -> None:
        here = os.open(folder, os.O_RDONLY)
        for _ in range(60):  # no deeper, or the tests could not remove it
            os.mkdir("dd", dir_fd=here)
            below = os.open("dd", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)

    def loop(folder: Path) -> None:
        (folder / "in").mkdir()
        (folder / "in" / "again").symlink_to(folder / "in")
        (folder / "in" / "results_1.json").write_text(json.dumps(_document()))

    def large(folder: Path) -> None:
        with (folder / "scores.csv").open("wb") as out:
            out.truncate(5_000_000_000)

    def large_results(folder: Path) -> None:
        (folder / "in").mkdir()
        with (folder / "in" / "results_1.json").open("wb") as out:
            out.truncate(5_000_000_000)

    yield Case("place: nothing there", at("{at}/nothing.csv"), REFUSED, ("no folder or file",))
    yield Case("place: an empty folder", at("{at}"), REFUSED, ("no file results_",))
    yield Case("place: no name", at(""), REFUSED, ())
    yield Case("place: a name too long", at("{at}/" + "a" * 300 + ".csv"), REFUSED, ())
    yield Case("place: a zero byte in the name", at("{at}/a\0b.csv"), REFUSED, ())
    yield Case("place: /dev/zero", at("/dev/zero"), REFUSED, ("a device",))
    yield Case("place: /dev/random", at("/dev/random"), REFUSED, ("a device",))
    yield Case("place: /dev/null", at("/dev/null"), REFUSED, ("a device",))
    yield Case(
        "place: a link to /dev/zero",
        at("{at}/s.csv", lambda f: (f / "s.csv").symlink_to("/dev/zero")),
        REFUSED,
        ("a device",),
    )
    yield Case("place: a pipe", at("{at}/s.csv", lambda f: os.mkfifo(f / "s.csv")), REFUSED, ("a pipe",))
    yield Case(
        "place: a pipe as a result",
        at("{at}/r.json", lambda f: os.mkfifo(f / "r.json")),
        REFUSED,
        ("a pipe",),
    )
    yield Case(
        "place: a pipe in a folder",
        at("{at}", lambda f: os.mkfifo(f / "results_1.json")),
        REFUSED,
        ("a pipe",),
    )
    yield Case(
        "place: a pipe as sample log",
        at("{at}", lambda f: os.mkfifo(f / "samples_hellaswag.jsonl")),
        REFUSED,
        ("a pipe",),
    )
    yield Case(
        "place: a link to itself",
        at("{at}/s.csv", lambda f: (f / "s.csv").symlink_to(f / "s.csv")),
        REFUSED,
        (),
    )
    yield Case(
        "place: a link to nothing", at("{at}", lambda f: (f / "r.json").symlink_to(f / "gone")), REFUSED, ()
    )
    yield Case("place: a loop of folders", at("{at}/in", loop), READ, ("hellaswag 40.0", "read 1 of 1 file"))
    yield Case("place: 60 folders deep", at("{at}", deep), REFUSED, ("32 deep",))
    yield Case(
        "place: 5 GB of nothing", at("{at}/scores.csv", large), REFUSED, ("5000 MB", "CAPE_MAX_FILE_MB")
    )
    yield Case(
        "place: 5 GB among results", at("{at}/in", large_results), REFUSED, ("5000 MB", "CAPE_MAX_FILE_MB")
    )
    yield Case(
        "place: a folder named like a table",
        at("{at}/s.csv", lambda f: (f / "s.csv").mkdir()),
        REFUSED,
        ("no file results_",),
    )
    yield Case("place: of the process", at("/proc/self/mem"), REFUSED, ())


def _others() -> Iterator[Case]:
    def command(*arguments: str, **files: bytes) -> Callable[[Path], list[str]]:
        def make(folder: Path) -> list[str]:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            (folder / "d.md").mkdir()
            (folder / "good.csv").write_text("\n".join([HEAD, *ROWS]) + "\n")
            return [argument.format(at=folder) for argument in arguments]

        return make

    frontier = ("frontier", "--x", "mmlu=70", "--y", "hle=12", "--items", "hle=2500", "--table")
    yield Case("frontier: /dev/zero", command(*frontier, "/dev/zero"), REFUSED, ("a device",))
    yield Case("frontier: an empty table", command(*frontier, "{at}/t", t=b""), REFUSED, ("is empty",))
    yield Case(
        "frontier: 1e400",
        command(*frontier, "{at}/t", t=b"model,mmlu,hle\na,1e400,3\nb,5,6\n"),
        REFUSED,
        ("line 2", "mmlu"),
    )
    yield Case(
        "frontier: an escape",
        command(*frontier, "{at}/t", t=b"model,mmlu,hle\n\x1b[2J,x,3\n"),
        REFUSED,
        ("line 2", "mmlu"),
    )
    yield Case("prompts: /dev/zero", command("steer", "--prompts", "/dev/zero"), REFUSED, ("a device",))
    yield Case(
        "prompts: no text", command("steer", "--prompts", "{at}/p", p=b"\xff\xfe\0"), REFUSED, ("UTF-8",)
    )
    yield Case("prompts: empty", command("steer", "--prompts", "{at}/p", p=b"\n"), REFUSED, ("no prompt",))
    yield Case(
        "pairs: /dev/zero",
        command("steer", "--calibrate", "/dev/zero", "--prompt", "a"),
        REFUSED,
        ("a device",),
    )
    yield Case(
        "pairs: one column",
        command("steer", "--calibrate", "{at}/p", "--prompt", "a", p=b"stem\na\n"),
        REFUSED,
        ("true_completion",),
    )
    yield Case(
        "pairs: a zero byte",
        command("steer", "--calibrate", "{at}/p", "--prompt", "a", p=b"stem\n" + b"a\n" * 5000 + b"\0\n"),
        REFUSED,
        ("zero byte",),
    )
    yield Case("models: /dev/zero", command("internals", "--models", "/dev/zero"), REFUSED, ("a device",))
    yield Case(
        "models: no text", command("internals", "--models", "{at}/m", m=b"\xff\0"), REFUSED, ("UTF-8",)
    )
    sizes = ("scores", "{at}/in.json", "--sizes")
    result = json.dumps(_document()).encode()
    yield Case(
        "sizes: /dev/zero",
        command("scores", "{at}", "--sizes", "/dev/zero", **{"results_1.json": result}),
        REFUSED,
        ("a device",),
    )
    yield Case(
        "sizes: 1e400",
        command(
            "scores",
            "{at}",
            "--sizes",
            "{at}/s.csv",
            **{"results_1.json": result, "s.csv": b"model,params_b\na-1b,1e400\n"},
        ),
        REFUSED,
        ("line 2", "params_b"),
    )
    yield Case(
        "sizes: nobody's",
        command(
            "scores",
            "{at}",
            "--sizes",
            "{at}/s.csv",
            **{"results_1.json": result, "s.csv": b"model,params_b\nz-1b,1\n"},
        ),
        REFUSED,
        ("no result of this model",),
    )
    yield Case(
        "report: to a device",
        command("diagnose", "{at}/good.csv", "--report", "/dev/null"),
        REFUSED,
        ("allowed are",),
    )
    yield Case(
        "report: over a folder",
        command("diagnose", "{at}/good.csv", "--report", "{at}/d.md", "--force"),
        REFUSED,
        (),
    )
    yield Case(
        "report: nowhere",
        command("diagnose", "{at}/good.csv", "--report", "{at}/no/d.md"),
        REFUSED,
        ("no folder",),
    )
    yield Case(
        "table: over a file",
        command("scores", "{at}/good.csv", "--to", "{at}/good.csv"),
        REFUSED,
        ("not replaced",),
    )
    assert sizes


def tables() -> list[Case]:
    """Every case that needs no model."""
    parts = (_csv_cells, _csv_files, _json_files, _archives, _names, _places, _others)
    return [case for part in parts for case in part()]


def _pickle() -> bytes:
    import pickle

    return pickle.dumps({"weights": [1.0] * 100})


def _header(content: object, *, length: int | None = None, data: bytes = b"") -> bytes:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def models(good: Path) -> list[Case]:
    """Cases of broken folders of a model.

    Parameters
    ----------
    good : Path
        A sound folder, of which each case spoils one file.
    """
    config = json.loads((good / "config.json").read_text())
    weights = (good / "model.safetensors").read_bytes()

    def spoilt(name: str, content: bytes | None, **more: bytes) -> Callable[[Path], list[str]]:
        def make(folder: Path) -> list[str]:
            for path in good.iterdir():
                (folder / path.name).write_bytes(path.read_bytes())
            for file, raw in ({name: content} | more).items():
                (folder / file).unlink(missing_ok=True)
                if raw is not None:
                    (folder / file).write_bytes(raw)
            return ["steer", "--model", str(folder), "--prompt", "a", "--max-new-tokens", "1"]

        return make

    cases = []
    for what, content in {
        "empty": b"", "no JSON": b"{", "a list": b"[]", "an empty object": b"{}", "too deep": b"[" * 50_000, "1e400": b'{"hidden_size": 1e400}',
        "no text": b"\xff\xfe", "a number": b"5",
    }.items():  # fmt: skip
        cases.append(Case(f"config: {what}", spoilt("config.json", content), REFUSED, ("config.json",)))
    for field, value in (
        ("hidden_size", 0), ("hidden_size", -64), ("hidden_size", "large"), ("hidden_size", 1e30), ("hidden_size", [64]),
        ("num_hidden_layers", 0), ("num_hidden_layers", -1), ("num_hidden_layers", 10**9), ("num_attention_heads", 0),
        ("num_attention_heads", 1.5), ("num_attention_heads", 64), ("num_key_value_heads", 0), ("vocab_size", 0), ("vocab_size", True),
        ("intermediate_size", -1), ("max_position_embeddings", "x"), ("model_type", ["llama"]), ("model_type", 5),
        ("architectures", "LlamaForCausalLM"), ("architectures", [5]), ("text_config", 5), ("text_config", {"hidden_size": 0}),
    ):  # fmt: skip
        changed = json.dumps({**config, field: value}).encode()
        cases.append(
            Case(
                f"config: {field} is {value!r}",
                spoilt("config.json", changed),
                REFUSED,
                ("config.json", field),
            )
        )
    for field, value in (("model_type", "no_such_model"), ("num_attention_heads", 3), ("rope_scaling", {"type": 5}), ("hidden_act", "no_such"), ("dtype", "float7")):  # fmt: skip
        changed = json.dumps({**config, field: value}).encode()
        cases.append(Case(f"config: {field} is {value!r}", spoilt("config.json", changed), REFUSED, ()))
    for field, value in (
        ("intermediate_size", 96),
        ("vocab_size", 300),
        ("hidden_size", 64),
        ("num_hidden_layers", 5),
    ):
        changed = json.dumps({**config, field: value}).encode()
        cases.append(
            Case(
                f"weights that do not fit: {field}", spoilt("config.json", changed), REFUSED, ("its weights",)
            )
        )
    tensor = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    for what, content in {
        "empty": b"", "three bytes": b"abc", "random": os.urandom(5000), "cut short": weights[: len(weights) // 2],
        "a header of 2 GB": _header({}, length=2**31), "a header of 2^63": _header({}, length=2**63), "a header alone": _header(tensor),
        "no tensor": _header({}), "a header too deep": _header(b"[" * 50_000), "a header as a list": _header([1]),
        "a tensor as a number": _header({"a": 5}), "negative offsets": _header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}),
        "a shape as a word": _header({"a": {"dtype": "F32", "shape": "two", "data_offsets": [0, 8]}}, data=b"x" * 8),
        "tensors that overlap": _header(tensor | {"b": tensor["a"]}, data=b"x" * 8), "a pickle": _pickle(), "an archive": _archive({"a": b"b"}),
    }.items():  # fmt: skip
        cases.append(
            Case(f"weights: {what}", spoilt("model.safetensors", content), REFUSED, ("model.safetensors",))
        )
    cases.append(Case("weights: none", spoilt("model.safetensors", None), REFUSED, ("model.safetensors",)))
    pickled = spoilt("model.safetensors", None, **{"pytorch_model.bin": _pickle()})
    cases.append(Case("weights: a pickle by its name", pickled, REFUSED, ("pytorch_model.bin", "run code")))
    for what, place, words in (
        ("a pickle", "pytorch_model.bin", "run code"), ("a file above", "../x.safetensors", "of this folder"),
        ("a file elsewhere", "/etc/x.safetensors", "of this folder"), ("no file", "gone.safetensors", "no such file"),
        ("another kind", "config.json", "ends in .safetensors"),
    ):  # fmt: skip
        index = json.dumps({"weight_map": {"a": place}}).encode()
        index_name = "model.safetensors.index.json"
        cases.append(
            Case(
                f"index: {what}", spoilt("model.safetensors", None, **{index_name: index}), REFUSED, (words,)
            )
        )
    for what, content in {
        "empty": b"",
        "a list": b"[]",
        "no map": b'{"a": 1}',
        "a map as a list": b'{"weight_map": []}',
    }.items():
        cases.append(Case(f"index: {what}", spoilt("model.safetensors", None, **{"model.safetensors.index.json": content}), REFUSED, ("model.safetensors.index.json",)))  # fmt: skip
    for name in ("tokenizer.json", "tokenizer_config.json"):
        for what, content in {"empty": b"", "no JSON": b"{", "a list": b"[]"}.items():
            cases.append(Case(f"{name}: {what}", spoilt(name, content), REFUSED, ()))
    return cases


def directions(good: Path, folder_of_model: Path) -> list[Case]:
    """Cases of broken files of a direction, each tried with the model that the sound one belongs to."""
    raw = good.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    data = raw[8 + length :]

    def given(content: bytes) -> Callable[[Path], list[str]]:
        def make(folder: Path) -> list[str]:
            (folder / "d.safetensors").write_bytes(content)
            arguments = ["steer", "--model", str(folder_of_model), "--prompt", "a", "--max-new-tokens", "1"]
            return [*arguments, "--direction", str(folder / "d.safetensors")]

        return make

    def with_metadata(**changes: str | None) -> bytes:
        metadata = {k: v for k, v in ({**header["__metadata__"], **changes}).items() if v is not None}
        return _header({**header, "__metadata__": metadata}, data=data)

    cases = [
        Case(f"direction: {what}", given(content), REFUSED, ("d.safetensors",))
        for what, content in {
            "empty": b"", "random": os.urandom(500), "cut short": raw[:-10], "a pickle": _pickle(), "a huge header": _header({}, length=2**40),
            "not a number": _header(header, data=b"\xff" * len(data)), "of length 0": _header(header, data=b"\0" * len(data)),
            "no metadata": _header({"direction": header["direction"]}, data=data),
        }.items()
    ]  # fmt: skip
    for key, value in (
        ("layer", "1e400"), ("layer", "-1"), ("layer", "99"), ("layer", "x"), ("layer", None), ("residual_norm", "nan"), ("residual_norm", "0"),
        ("residual_norm", "1e400"), ("pairs", "-3"), ("pairs", "many"), ("format", "other"), ("model_sha256", "other"), ("pairs_digest", None),
    ):  # fmt: skip
        cases.append(
            Case(
                f"direction: {key} is {value!r}",
                given(with_metadata(**{key: value})),
                REFUSED,
                ("d.safetensors",),
            )
        )
    return cases
