"""Tables of scores as people have them, brought into the book's own form: model, family, params_b, percent.

Comma, semicolon and tab, decimal commas, Markdown, JSON lines, Excel and Parquet; headings of well-known tables; sizes as 7B;
an index column, a title row, columns of other things. Only what has one meaning is changed, and each change is noted;
everything else goes to the strict checks of ``data.user_scores`` as it is. It implements no section of the papers.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cape_utils import data
from cape_utils.data.benchmarks import own_benchmarks
from cape_utils.data.files import BadJSON, parse_json, read_bytes
from cape_utils.data.model_names import SizeError, size_from_name
from cape_utils.data.schema import DataError, Problem, decode_own, read_table
from cape_utils.data.user_scores import check_scores, own_fields, schema_of_text, score_schema
from cape_utils.evaluations.formats import unread
from cape_utils.evaluations.identity import family_of, named_model, names_a_family
from cape_utils.evaluations.merging import condition_notes, listed
from cape_utils.evaluations.runs import Run, Score
from cape_utils.evaluations.tasks import NO_BENCHMARK, TASKS

__all__ = ["SUFFIXES", "Opened", "as_csv", "open_table", "read_opened", "rename_headings", "spelt"]

SUFFIXES = (".csv", ".tsv", ".txt", ".md", ".jsonl", ".xlsx", ".xls", ".parquet", ".yml", ".yaml")
"""Files that may hold a table."""

_MISSING = frozenset(("-", "\N{EN DASH}", "\N{EM DASH}", "N/A", "n.a.", "None", "null", "nan", "?"))
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3},\d+")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?) ?([MBTmbt])(?:illion)?")
_PER_B = {"m": 1000.0, "b": 1.0, "t": 0.001}
_COUNTED = 1e6  # a size above this is a number of parameters; none has a million billions
_TITLE_ROWS = 8
# Under the headings of a Markdown table, without the spaces around it; tried line by line, so that no text takes long.
_RULE = re.compile(r"\|?[ \t]*:?-{2,}:?[ \t]*\|[|\s:-]*")
_HEADINGS = {
    "model": "model", "modelname": "model", "modelversion": "model", "name": "model",
    "family": "family", "modelfamily": "family",
    "paramsb": "params_b", "params": "params_b", "parameters": "params_b", "parametersb": "params_b", "modelsizeb": "params_b",
    "modelsize": "params_b", "sizeb": "params_b", "size": "params_b", "nparams": "params_b", "numparams": "params_b",
    "tokensb": "tokens_b",
    "arcchallenge": "arc_challenge", "arcc": "arc_challenge", "hellaswag": "hellaswag", "mmlu": "mmlu",
    "winogrande": "winogrande", "gsm8k": "gsm8k", "humaneval": "humaneval", "xwinograd": "xwinograd", "ifeval": "ifeval",
    "gpqadiamond": "gpqa_diamond", "swebenchverified": "swe_bench_verified", "swebench": "swe_bench_verified",
    "truthfulqamc1": "truthfulqa_mc1", "truthfulqamc2": "truthfulqa_mc2",
}  # fmt: skip
# Tables whose makers say which task a short heading means: the first Open LLM Leaderboard and its copies.
_LEADERBOARD = {"arc": "arc_challenge", "truthfulqa": "truthfulqa_mc2", "winograd": "winogrande"}
_LEADERBOARD_SIGNS = ({"average", "hublicense"}, {"flops1e21"}, {"t", "average", "type"})


@dataclass
class Opened:
    """A table as text cells, with the line of each row, and what was understood on the way.

    Attributes
    ----------
    name : str
        Of the file, for messages.
    header : list of str
    rows : list of list of str
    lines : list of int
        Line of each row in the file, the header being line 1 where nothing stands above it.
    text : str
        The file as it was, where it is text: what the strict checks see if no header was found.
    notes : list of str
    comma : bool
        Whether a decimal comma is possible: the columns are not separated by commas.
    """

    name: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    text: str = ""
    notes: list[str] = field(default_factory=list)
    comma: bool = False

    @property
    def spelt(self) -> list[str]:
        """Headings in small letters and digits alone."""
        return [spelt(heading) for heading in self.header]


def spelt(heading: str) -> str:
    """A heading in small letters and digits alone, so that case, spaces and hyphens do not matter.

    Examples
    --------
    >>> spelt("SWE-Bench verified")
    'swebenchverified'
    """
    return re.sub("[^a-z0-9]", "", heading.lower())


def _without_brackets(heading: str) -> str:
    start, end = heading.find("("), heading.rfind(")")
    return heading[:start] + heading[end + 1 :] if -1 < start < end else heading


def open_table(path: Path, name: str) -> Opened:
    """Split a file into cells, whatever kind of table it is.

    Raises
    ------
    DataError
        If it is none, or needs a library that is not there; the message says what to do.
    """
    suffix = path.suffix.lower()
    raw = read_bytes(path, name)
    if suffix in (".xlsx", ".xls", ".parquet"):
        return _from_pandas(path, name, suffix)
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            opened = _from_text(raw.decode("utf-16"), name)
        except UnicodeDecodeError as error:
            remedy = "this is neither UTF-16 nor UTF-8 text; save it as CSV with the encoding UTF-8"
            raise DataError([Problem(name, None, None, None, remedy)]) from error
        opened.notes.append(f"{name}: text in UTF-16, as Excel writes it")
        return opened
    text = decode_own(raw, name)
    if suffix in (".yml", ".yaml"):
        raise DataError([Problem(name, None, None, None, unread.named_text(text, suffix))])
    if suffix == ".jsonl":
        return _from_json_lines(text, name)
    return _from_text(text, name)


def _from_pandas(path: Path, name: str, suffix: str) -> Opened:
    read: Callable[..., pd.DataFrame] = pd.read_parquet if suffix == ".parquet" else pd.read_excel
    try:
        table = read(path)
    except ImportError as error:
        need = "pyarrow" if suffix == ".parquet" else "openpyxl"
        remedy = f"pandas needs {need} for this file: pip install {need}; or save it as CSV"
        raise DataError([Problem(name, None, None, None, remedy)]) from error
    except Exception as error:  # these libraries raise what they like at a broken file
        remedy = f"this {suffix} file cannot be opened ({type(error).__name__}); save it again, or as CSV"
        raise DataError([Problem(name, None, None, None, remedy)]) from error
    rows = [["" if pd.isna(cell) else str(cell) for cell in row] for row in table.itertuples(index=False)]
    opened = Opened(name, [str(column) for column in table.columns], rows, list(range(2, len(rows) + 2)))
    opened.notes.append(
        f"{name}: read as {'Parquet' if suffix == '.parquet' else 'the first sheet of a workbook'}"
    )
    return opened


def _from_json_lines(text: str, name: str) -> Opened:
    records, lines = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except BadJSON as error:
            remedy = f"{error.allowed}; give one object a line"
            raise DataError([Problem(name, number, error.key, error.value or line[:40], remedy)]) from error
        if not isinstance(record, dict):
            raise DataError([Problem(name, number, None, line[:40], "one object a line is needed")])
        records.append(record)
        lines.append(number)
        if "doc_id" in record and "model" not in record:
            remedy = (
                "these are samples of lm-evaluation-harness, which name no model; give the folder that holds the results "
                "beside them"
            )
            raise DataError([Problem(name, None, None, None, remedy)])
    header = list(dict.fromkeys(str(key) for record in records for key in record))
    rows = [["" if record.get(key) is None else str(record[key]) for key in header] for record in records]
    return Opened(name, header, rows, lines, notes=[f"{name}: read as JSON, one object a line"])


def _from_text(text: str, name: str) -> Opened:
    known = unread.named_text(text, "")
    if known:
        raise DataError([Problem(name, None, None, None, known)])
    if any(_RULE.fullmatch(line.strip()) for line in text.split("\n") if "|" in line):
        return _from_markdown(text, name)
    best: Opened | None = None
    for separator in ",;\t":
        opened = _split(text, name, separator)
        if opened is not None and (best is None or _recognised(opened) > _recognised(best)):
            best = opened
    return best or Opened(name, [], [], [], text)


def _from_markdown(text: str, name: str) -> Opened:
    tables: list[tuple[list[list[str]], list[int]]] = []
    last = -1
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.count("|") < 2:
            continue
        if number != last + 1 or not tables:
            tables.append(([], []))
        last = number
        if not re.fullmatch(r"[|\s:=-]+", bare):
            tables[-1][0].append([cell.strip().strip("*`") for cell in bare.strip("|").split("|")])
            tables[-1][1].append(number)
    opened = [
        Opened(name, rows[0], rows[1:], lines[1:], text, [f"{name}: read as a Markdown table"], comma=True)
        for rows, lines in tables
        if rows
    ]
    if not opened:
        raise DataError([Problem(name, None, None, None, "a rule of a Markdown table, and no row of cells")])
    # A model card holds several; the one with the most headings of scores is meant.
    best = max(opened, key=lambda one: max(_recognised(one), _recognised(_turned(one))))
    if len(opened) > 1:
        best.notes = [
            f"{name}: the Markdown table that begins on line {best.lines[0] if best.lines else 1} was read"
        ]
    return best


def _split(text: str, name: str, separator: str) -> Opened | None:
    """The cells of a text; None where it cannot be split this way, so that the strict checks say why."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    rows, lines = [], []
    try:
        for cells in reader:
            if cells:
                rows.append([cell.strip() for cell in cells])
                lines.append(reader.line_num)
    except csv.Error:
        return None
    if not rows:
        return None
    # A title may stand above the headings; they are the first row that names the model and something else.
    for place, row in enumerate(rows[:_TITLE_ROWS]):
        opened = Opened(name, row, rows[place + 1 :], lines[place + 1 :], text, comma=separator != ",")
        if _recognised(opened) > 1 and "model" in [_HEADINGS.get(word) for word in opened.spelt]:
            if place:
                opened.notes.append(
                    f"{name}: {place} line{'s' if place > 1 else ''} above the headings left out"
                )
            return opened
    return Opened(name, rows[0], rows[1:], lines[1:], text, comma=separator != ",")


def _recognised(opened: Opened) -> int:
    """Headings that are known, by their own name or another spelling."""
    names = {field["name"] for field in score_schema()["fields"]}
    known = {**_HEADINGS, **_LEADERBOARD}
    bare = [spelt(_without_brackets(heading)) for heading in opened.header]
    both = zip(opened.header, opened.spelt, bare, strict=True)
    return sum(h in names or s in known or b in known for h, s, b in both)


def read_opened(opened: Opened) -> pd.DataFrame | list[Run]:
    """A checked table of scores, or runs where the table has one row for each benchmark (OpenCompass).

    Raises
    ------
    DataError
        With every problem: line, column, value, what is allowed and the remedy.
    """
    if opened.spelt[:4] == ["dataset", "version", "metric", "mode"]:
        return _opencompass(opened)
    turned = _turned(opened)
    if _recognised(turned) > max(1, _recognised(opened)):
        opened = turned
    if not opened.header or not _recognised(opened):
        # Nothing is known of it, and the strict checks say what is needed.
        return check_scores(read_scores_text(opened.text, opened.name), opened.name)
    notes = opened.notes
    _drop_index(opened)
    _rename(opened)
    _drop_others(opened)
    _plain_cells(opened)
    _fractions(opened)
    _add_family(opened)
    table = check_scores(read_scores_text(as_csv(opened), opened.name), opened.name)
    table.attrs["notes"] = [*notes, *condition_notes(table)]
    return table


def read_scores_text(text: str, name: str) -> pd.DataFrame:
    """The strict reading of a table in the book's own form."""
    return read_table(text, schema_of_text(text, name), name, aliases=data.user_scores.ALIASES)


def as_csv(opened: Opened) -> str:
    """The table as CSV whose rows stand on the lines they had, so that a message names the right one."""
    out = io.StringIO()
    # Every cell in quotation marks, for one may hold a carriage return.
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(opened.header)
    at = 2
    for line, row in zip(opened.lines, opened.rows, strict=True):
        out.write("\n" * max(0, line - at))
        writer.writerow(row)
        at = max(line, at) + 1
    return out.getvalue()


def _keep_columns(opened: Opened, places: Sequence[int]) -> None:
    width = len(opened.header)
    opened.header = [opened.header[place] for place in places]
    # A row of another length is left for the strict checks to name.
    opened.rows = [[row[p] for p in places] if len(row) == width else row for row in opened.rows]


def _turned(opened: Opened) -> Opened:
    """The same table with models as rows, where it has a row for each benchmark, as model cards do."""
    rows = [row for row in opened.rows if len(row) == len(opened.header)]
    if len(opened.header) < 2 or not rows:
        return opened
    header = ["model", *(row[0] for row in rows)]
    columns = [[heading, *(row[place] for row in rows)] for place, heading in enumerate(opened.header)][1:]
    notes = [*opened.notes, f"{opened.name}: one row for each benchmark; turned, so that each model is a row"]
    lines = [opened.lines[0]] * len(columns)
    return Opened(opened.name, header, columns, lines, opened.text, notes, opened.comma)


def _drop_index(opened: Opened) -> None:
    """Leave out the column that pandas writes where nobody asked for it."""
    if opened.header[0] in ("", "Unnamed: 0") and all(row and row[0].isdigit() for row in opened.rows):
        _keep_columns(opened, range(1, len(opened.header)))
        opened.notes.append(f"{opened.name}: the first column, an index without a name, left out")


def _rename(opened: Opened) -> None:
    """Give headings the book's own names, where another spelling has one meaning."""
    words = set(opened.spelt)
    leaderboard = any(signs <= words for signs in _LEADERBOARD_SIGNS)
    rename_headings(
        opened,
        {**(_LEADERBOARD if leaderboard else {}), **_HEADINGS},
        why=" (short headings as on the Open LLM Leaderboard)" if leaderboard else "",
    )


def rename_headings(opened: Opened, meanings: Mapping[str, str], *, why: str = "") -> None:
    """Give headings other names, by how they are spelt; a name that stands in the table already is not given again.

    Parameters
    ----------
    opened : Opened
        Changed in place, with a note.
    meanings : mapping of str to str
        Names by their ``spelt`` form.
    why : str
        Ends the note.
    """
    renamed = dict[str, str]()
    for place, (heading, word) in enumerate(zip(opened.header, opened.spelt, strict=True)):
        # A model card says more of a benchmark in brackets: HellaSwag (10-shot).
        meant = meanings.get(word) or meanings.get(spelt(_without_brackets(heading)))
        if meant is None or heading in meanings.values() or meant in opened.header:
            continue
        renamed[heading] = meant
        opened.header[place] = meant
    shown = [f"{heading!r} is {meant}" for heading, meant in renamed.items() if heading.lower() != meant]
    if shown:
        opened.notes.append(f"{opened.name}: headings: {', '.join(shown)}{why}")


def _drop_others(opened: Opened) -> None:
    """Leave out columns of other things; one that may be a slip of the pen stays for the strict checks to name."""
    fields = [*score_schema()["fields"], *own_fields(opened.header)]
    names = [field["name"] for field in fields]
    offered = [field["name"] for field in score_schema()["fields"] if field.get("listed", True)]
    dropped = []
    for heading, word in zip(opened.header, opened.spelt, strict=True):
        ambiguous = heading.lower() in data.user_scores.ALIASES
        slip = difflib.get_close_matches(heading.lower(), offered, n=1, cutoff=0.85)
        if heading and heading not in names and not ambiguous and not slip and word not in _HEADINGS:
            dropped.append(heading)
    keep = [place for place, heading in enumerate(opened.header) if heading not in dropped]
    if dropped and any(opened.header[place] in _benchmarks(opened) for place in keep):
        _keep_columns(opened, keep)
        opened.notes.append(
            f"{opened.name}: columns left out, for the book does not use them: {listed(dropped)}"
        )


def _benchmarks(opened: Opened) -> list[str]:
    return [*data.load("benchmarks")["benchmark"], *own_benchmarks(opened.header)]


def _plain_cells(opened: Opened) -> None:
    """Write numbers as numbers: without percent signs, with a decimal point, sizes in billions, gaps empty."""
    understood: dict[str, None] = {}
    numeric = {
        place: name
        for place, name in enumerate(opened.header)
        if name in (*_benchmarks(opened), "params_b", "tokens_b")
    }
    problems = []
    for line, row in zip(opened.lines, opened.rows, strict=True):
        for place, name in numeric.items():
            if place >= len(row) or _NUMBER.fullmatch(row[place]):
                if name == "params_b" and place < len(row) and float(row[place]) > _COUNTED:
                    row[place] = f"{float(row[place]) / 1e9:.10g}"
                    understood["sizes as numbers of parameters"] = None
                continue
            cell = row[place]
            plain, how = _plain(cell, name, opened.comma)
            if how == "mixture":
                words = (
                    "this is a mixture of experts, which has a total and an active size; write the one that you mean, in "
                    "billions, or leave the row out"
                )
                problems.append(Problem(opened.name, line, name, cell, words))
            elif how:
                row[place] = plain
                understood[how] = None
    if problems:
        raise DataError(problems)
    if understood:
        opened.notes.append(f"{opened.name}: understood: {', '.join(understood)}")


def _plain(cell: str, column: str, comma: bool) -> tuple[str, str]:  # noqa: PLR0911 - one return a form
    """A cell as a number, and what that took; nothing where it has no single meaning."""
    if cell in _MISSING:
        return "", "missing values"
    if column == "params_b":
        if re.fullmatch(r"\d+ ?[xX] ?\d+(\.\d+)?[bB]", cell):
            return cell, "mixture"
        if _THOUSANDS.fullmatch(cell) and float(cell.replace(",", "")) > _COUNTED:
            return f"{float(cell.replace(',', '')) / 1e9:.10g}", "sizes as numbers of parameters"
        unit = _WITH_UNIT.fullmatch(cell)
        if unit:
            return f"{float(unit[1]) / _PER_B[unit[2].lower()]:.10g}", "sizes with their unit"
    bare = cell.removesuffix("%").rstrip()
    if bare != cell and _NUMBER.fullmatch(bare) and column != "params_b":
        return bare, "percent signs"
    if comma and _DECIMAL_COMMA.fullmatch(bare):
        return bare.replace(",", "."), "decimal commas"
    return cell, ""


def _fractions(opened: Opened) -> None:
    """Read scores from 0 to 1 as fractions, where not one of the table can be a percentage."""
    places = [place for place, name in enumerate(opened.header) if name in _benchmarks(opened)]
    own = own_benchmarks(opened.header)
    cells = [
        (row, place)
        for row in opened.rows
        for place in places
        if place < len(row) and _NUMBER.fullmatch(row[place])
    ]
    chance = {name: data.chance_pct(name) for name in {opened.header[p] for p in places} - set(own)}
    sure = [(row, place) for row, place in cells if chance.get(opened.header[place], 0.0) >= 20]
    # Where guessing scores 20 or more, nobody measures between 0 and 1; and that must hold of every such score.
    if not sure or not all(0 <= float(row[place]) <= 1 for row, place in cells) or len(opened.rows) < 2:
        return
    for row, place in cells:
        row[place] = f"{100 * float(row[place]):.10g}"
    opened.notes.append(
        f"{opened.name}: every score lies between 0 and 1; they were read as fractions and multiplied by 100"
    )


def _add_family(opened: Opened) -> None:
    """Add the columns family and params_b where they are missing and names tell them."""
    if "model" not in opened.header:
        return
    at = opened.header.index("model")
    whole = [row for row in opened.rows if len(row) == len(opened.header)]
    models = [row[at] for row in whole]
    if "params_b" not in opened.header and models:
        try:
            sizes = [f"{size_from_name(model):.10g}" for model in models]
        except SizeError:
            sizes = []
        if sizes:
            opened.header.append("params_b")
            for row, size in zip(whole, sizes, strict=True):
                row.append(size)
            opened.notes.append(f"{opened.name}: sizes read from the models' names")
    if "family" not in opened.header:
        named = [named_model(model)[0] for model in models]
        families = [family_of(model) if names_a_family(model) else "" for model in named]
        ladder = len(set(families)) < len(families) and all(families)
        if not ladder:
            families = [Path(opened.name).stem] * len(models)
        opened.header.append("family")
        for row, family in zip(whole, families, strict=True):
            row.append(family)
        how = "read from the models' names" if ladder else "one family, named after the file"
        opened.notes.append(f"{opened.name}: no column family; {how}: {listed(families)}")


_OPENCOMPASS = {
    "arc-c": "arc_challenge", "arc-challenge": "arc_challenge", "hellaswag": "hellaswag",
    "winogrande": "winogrande", "mmlu": "mmlu", "gsm8k": "gsm8k", "openai_humaneval": "humaneval", "humaneval": "humaneval",
    "ifeval": "ifeval", "gpqa_diamond": "gpqa_diamond",
}  # fmt: skip


def _opencompass(opened: Opened) -> list[Run]:
    """Runs from a summary of OpenCompass: one row a benchmark, one column a model, scores in percent."""
    columns = {task.column for task in TASKS}
    runs = []
    for place, model in list(enumerate(opened.header))[4:]:
        scores: dict[str, Score] = {}
        left_out: dict[str, str] = {}
        for row in opened.rows:
            label = _OPENCOMPASS.get(row[0].lower(), row[0].lower())
            cell = row[place] if place < len(row) else "-"
            if label == "truthful_qa":
                why = f"{row[0]}: got {cell!r}; OpenCompass asks for free answers, which is another measurement than MC1 and MC2"
                left_out |= dict.fromkeys(("truthfulqa_mc1", "truthfulqa_mc2"), why)
            elif label not in columns:
                left_out[row[0]] = NO_BENCHMARK
            elif cell in _MISSING or not _NUMBER.fullmatch(cell):
                left_out[label] = f"{row[0]}: got {cell!r}; no score"
            elif label in scores:
                left_out[label] = f"{row[0]}: stands twice, by {row[2]} too; the first was taken"
            else:
                scores[label] = Score(float(cell), version=f"{row[0]} {row[1]}", formulation=row[3])
        if scores:
            conditions = {"harness": "OpenCompass"}
            runs.append(Run(opened.name, model, "a heading", scores, conditions, left_out=left_out))
    if not runs:
        known = ", ".join(sorted(_OPENCOMPASS))
        raise DataError(
            [Problem(opened.name, None, None, None, f"no known dataset with a score; known are {known}")]
        )
    return runs
