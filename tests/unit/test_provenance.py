"""A kept result is used while the code and the tables behind it are the same, and only then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cape_utils import data, runtime
from cape_utils.claims import registry, results
from cape_utils.data.schema import DataError
from cape_utils.jobs import provenance
from cape_utils.jobs.provenance import Provenance, book_provenance, derived_table, remembered
from cape_utils.scaling import forecasting

PACKAGE = Path(provenance.__file__).resolve().parents[1]


class Copy:
    """A copy of the source and of the tables, to plant edits in."""

    def __init__(self, folder: Path) -> None:
        self.package, self.tables = folder / "cape_utils", folder / "data"
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__", "*.js", "_data"))
        shutil.copytree(data.tables_folder(), self.tables)

    def edit(self, file: str, old: str, new: str) -> None:
        path = (self.tables if file.endswith(("csv", "jsonl")) else self.package) / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def digests(self) -> dict[str, str]:
        book = Provenance(self.package, self.tables)
        chapters = [
            f"cape_utils.chapters.{path.name}.recompute" for path in self.package.glob("chapters/ch*")
        ]
        marked = book.functions_marked(chapters, "recomputes")
        return {claim: book.depends_on(*place).digest for claim, place in marked.items()}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return dict(registry.digests())


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def changed(copy: Copy, before: dict[str, str]) -> set[str]:
    after = copy.digests()
    assert after.keys() == before.keys()
    return {claim for claim in before if after[claim] != before[claim]}


def test_every_claim_has_its_function(before: dict[str, str]):
    assert set(before) == set(registry.recomputations())


def test_a_copy_without_an_edit_gives_the_same(copy: Copy, before: dict[str, str]):
    assert not changed(copy, before)


@pytest.mark.parametrize(
    ("file", "old", "new", "claims"),
    [
        # A constant that one function uses, a function that a chapter shares, and one that many use.
        (
            "chapters/ch06_attention_heads/recompute.py",
            "def opt_ladder_peak() -> Recomputed:",
            "def opt_ladder_peak() -> Recomputed:\n    assert True",
            {"opt_ladder_peak"},
        ),
        ("scaling/width.py", "power: float = 1.0", "power: float = 1.5", {"width_opt", "width_pythia"}),
        ("stats/correlation.py", "def pearson(", "def pearson(*_, ", {"pythia_r_hs_tqa", "panel_r_hs_tqa"}),
        ("gradient_norms.csv", "\n", "\n\n", {"gradient_dip", "gradient_exponent", "gradient_loss_exponent"}),
        (
            "steering_outcomes.csv",
            "\n",
            "\n\n",
            {"steering_tax", "steering_transition", "steering_bonus", "steering_corrects"},
        ),
    ],
)
def test_an_edit_reaches_the_claims_behind_it(
    file: str, old: str, new: str, claims: set[str], copy: Copy, before: dict[str, str]
):
    copy.edit(file, old, new)
    reached = changed(copy, before)
    assert claims <= reached
    assert len(reached) < len(before) / 2
    if file.endswith(".csv") or "chapters" in file:
        assert reached == claims


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    """', '    """Other words. '),
        ("from __future__ import annotations\n", "from __future__ import annotations\n\n# A remark.\n"),
        ("    return ", "    # A remark.\n    return "),
        (") -> Recomputed:", ") -> object:"),
    ],
)
def test_words_and_layout_reach_nothing(old: str, new: str, copy: Copy, before: dict[str, str]):
    file = "chapters/ch09_frontier/recompute.py" if "Recomputed" in old else "scaling/width.py"
    copy.edit(file, old, new)
    assert not changed(copy, before)


def test_what_is_done_while_a_module_is_imported_counts(copy: Copy, before: dict[str, str]):
    copy.edit("scaling/width.py", "\n\ndef normalise(", "\n\nnp.seterr(all='raise')\n\n\ndef normalise(")
    assert {"width_pythia", "width_opt", "width_bloom"} <= changed(copy, before)


def test_long_sweeps_count_for_what_reads_them(copy: Copy, before: dict[str, str]):
    (sweep,) = copy.tables.glob("kept/steering_choice-*.jsonl")
    copy.edit(f"kept/{sweep.name}", "{", " {")
    told = {"steering_any_model"}  # in words: no sweep is behind it
    assert changed(copy, before) == {claim for claim in before if claim.startswith("steering_")} - told


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (
            "chapters/ch06_attention_heads/experiment.py",
            "[MEASURED, 2 * MEASURED]",
            "[MEASURED, 3 * MEASURED]",
        ),
        ("chapters/ch06_attention_heads/controls.py", "draws: int = 300", "draws: int = 301"),
        (
            "chapters/ch06_attention_heads/controls.py",
            "torch.manual_seed(seed)",
            "torch.manual_seed(seed + 1)",
        ),
        ("chapters/ch06_attention_heads/attention.py", "> 1e-9", "> 1e-8"),
        ("internals/cosine.py", "COMPETES_BELOW = -0.5", "COMPETES_BELOW = -0.4"),
        ("models/activations.py", 'if pool == "last":', 'if pool != "last":'),
        ("stats/resampling.py", "50 * (1 - level)", "49 * (1 - level)"),
    ],
)
def test_the_kept_cosines_of_chapter_6_depend_on_what_computes_them(
    file: str, old: str, new: str, copy: Copy
):
    study = ("cape_utils.chapters.ch06_attention_heads.experiment", "Study")
    before = Provenance(copy.package, copy.tables).depends_on(*study).digest
    copy.edit(file, old, new)
    assert Provenance(copy.package, copy.tables).depends_on(*study).digest != before


def little(folder: Path, source: str, other: str = "", schema: str = "") -> str:
    """Digest of the function ``f`` of a package of two modules and one table."""
    package, tables = folder / "cape_utils", folder / "data"
    package.mkdir(parents=True, exist_ok=True)
    tables.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(source)
    (package / "b.py").write_text(other)
    (tables / "t.csv").write_text("x\n1\n")
    fields = {"fields": [{"name": "x", "type": "number", "description": "d"}], "missingValues": [schema]}
    resources = {"resources": [{"name": "t", "path": "t.csv", "schema": fields}]}
    (tables / "datapackage.json").write_text(json.dumps(resources))
    return Provenance(package, tables).depends_on("cape_utils.a", "f").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return x[:4]", "return x[4:]"),
        ("if x:\n        g()\n    h()", "if x:\n        g()\n    else:\n        h()"),
        ("for i in x:\n        g()\n    h()", "for i in x:\n        g()\n    else:\n        h()"),
        ("return {**x, 'k': 1}", "return {'k': 1, **x}"),
        ("return x - y", "return y - x"),
        ("return g(x)(y)", "return g(x, y)"),
        ("return 1", "return 1.0"),
        ("return '1'", "return 1"),
    ],
)
def test_code_that_does_another_thing_has_another_digest(one: str, other: str, tmp_path: Path):
    digests = {little(tmp_path, f"def f(x, y):\n    {body}\n") for body in (one, other)}
    assert len(digests) == 2


def test_where_a_default_stands_counts_and_what_an_annotation_says_does_not(tmp_path: Path):
    heads = ("a, b=1, *, c", "a, b, *, c=1", "a, b, c=1")
    assert len({little(tmp_path, f"def f({head}):\n    return a\n") for head in heads}) == 3
    same = ("x: int = 1", "x: float = 1")
    assert len({little(tmp_path, f"def f():\n    {line}\n    return x\n") for line in same}) == 1
    fields = ("x: int", "x: float")
    assert len({little(tmp_path, f"class f:\n    {line}\n") for line in fields}) == 2


@pytest.mark.parametrize(
    "source",
    [
        "from cape_utils import b\n\ndef f():\n    return b.g()\n",
        "import cape_utils.b\n\ndef f():\n    return cape_utils.b.g()\n",
        "from cape_utils.b import g as h\n\nf = h\n",
        "from cape_utils import b\n\ndef f(call):\n    return call(b)\n",
        "from cape_utils.b import table\n\ndef f():\n    return table\n",
    ],
)
def test_a_definition_is_followed_however_it_is_named(source: str, tmp_path: Path):
    other = "try:\n    table = {0}\nexcept KeyError:\n    pass\n\ndef g():\n    return {0}\n"
    assert little(tmp_path, source, other.format(1)) != little(tmp_path, source, other.format(2))


def test_how_the_cells_of_a_table_are_read_counts(tmp_path: Path):
    source = "def f():\n    return load('t')\n"
    assert little(tmp_path, source, schema="") != little(tmp_path, source, schema="NA")


def test_a_process_whose_package_was_edited_keeps_nothing(
    one_claim: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(runtime, "_IMPORTED", 0.0)
    assert results.result.__wrapped__("panel_models") is not None
    assert not (tmp_path / "claims").exists()


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="no definition 'nothing'"):
        book_provenance().depends_on("cape_utils.scaling.width", "nothing")


# ---------------------------------------------------------------- results of claims


def test_the_shipped_results_are_those_of_this_code():
    shipped = json.loads((data.tables_folder() / results.SHIPPED).read_text(encoding="utf-8"))
    stale = [claim for claim, digest in registry.digests().items() if shipped[claim]["digest"] != digest]
    assert not stale, "renew them with: make tables"
    assert set(shipped) == set(registry.digests())


def _close(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float | int):
        return one == pytest.approx(other, rel=1e-9, abs=1e-12)  # another processor may round another way
    return one == other


@pytest.mark.slow
@pytest.mark.parametrize("claim", sorted(registry.digests()))
def test_a_shipped_result_is_what_is_recomputed(claim: str):
    computed = results.recompute(claim)
    kept = results.result(claim)
    assert computed is not None
    assert kept is not None
    assert _close(results.as_object(kept), json.loads(json.dumps(results.as_object(computed))))


@pytest.fixture
def one_claim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A claim whose shipped result is stale; the list gets a word at each recomputation."""
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path))
    runs: list[str] = []
    true = results.recompute
    monkeypatch.setattr(results, "_shipped", lambda: {"panel_models": {"digest": "old", "result": None}})
    monkeypatch.setattr(results, "recompute", lambda claim: runs.append(claim) or true(claim))
    return runs


def test_a_stale_result_is_recomputed_once_and_kept(one_claim: list[str], tmp_path: Path):
    fresh = results.result.__wrapped__
    first, second = fresh("panel_models"), fresh("panel_models")
    assert first == second
    assert one_claim == ["panel_models"]
    (file,) = (tmp_path / "claims").iterdir()
    file.write_text(file.read_text(encoding="utf-8")[:-5], encoding="utf-8")
    assert fresh("panel_models") == first
    assert one_claim == ["panel_models"] * 2


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(
    one_claim: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path / "file"))
    assert results.result.__wrapped__("panel_models") is not None
    assert one_claim == ["panel_models"]


# ---------------------------------------------------------------- derived tables


@pytest.mark.parametrize(
    "name",
    [
        *("held_out_forecasts", "forecast_quality", "phase_prior", "phase_prior_left_out"),
        *("noise_calibration", "diagnosis_calibration"),
    ],
)
def test_a_derived_table_is_fresh(name: str):
    assert len(derived_table(name)) > 0


def test_the_held_out_forecasts_are_what_the_code_gives():
    pd.testing.assert_frame_equal(
        derived_table("held_out_forecasts"), forecasting.open_panel_forecasts(), rtol=1e-9, check_dtype=False
    )


@pytest.mark.parametrize("place", [0, 20, 40, -1])
def test_the_quality_of_forecasts_is_what_the_code_gives(place: int):
    from cape_utils.diagnosis import phase_forecast

    row = derived_table("forecast_quality").iloc[place]
    names = tuple(row["benchmarks"].split(" "))
    computed = phase_forecast._quality(row["method"], names, phase_forecast.LEVEL)
    assert computed == phase_forecast.forecast_quality(row["method"], names)


@pytest.mark.slow
def test_the_calibration_of_noise_is_what_the_code_gives():
    from cape_utils.chapters.ch12_dashboard import calibration

    kept = derived_table("noise_calibration")
    place = calibration.CORRELATIONS.index(0.6)
    computed = calibration.coverage(0.6, rng=place)
    rows = kept[(kept["part"] == "range") & (kept["correlation"] == 0.6)]
    assert rows["noise"].tolist() == computed["noise"].tolist()
    assert rows["right"].tolist() == pytest.approx(computed["right"].tolist(), abs=1e-6)
    assert rows["width"].tolist() == pytest.approx(computed["width"].tolist(), abs=1e-5)


def test_a_stale_table_is_refused_with_the_command_that_renews_it(spoil):
    spoil("open_panel.csv", "01-ai/Yi-34B-200K,Yi-200K,34.0", "01-ai/Yi-34B-200K,Yi-200K,35.0")
    provenance._digests_of_tables.cache_clear()
    try:
        with pytest.raises(
            DataError, match=r"held_out_forecasts.csv: it is stale: .*; renew it with: make tables"
        ):
            derived_table("held_out_forecasts")
    finally:
        provenance._digests_of_tables.cache_clear()


def test_what_is_remembered_holds_until_something_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CAPE_RESULTS", str(tmp_path))
    assert remembered("x", lambda: {"a": "1"}) == {"a": "1"}
    assert remembered("x", lambda: {"a": "2"}) == {"a": "1"}
    monkeypatch.setattr(provenance, "_fingerprint", lambda: "another")
    assert remembered("x", lambda: {"a": "2"}) == {"a": "2"}
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    assert remembered("x", lambda: {"a": "3"}) == {"a": "3"}


def test_the_fingerprint_sees_every_file(spoil, monkeypatch: pytest.MonkeyPatch):
    before = provenance._fingerprint()
    spoil("flags.csv", "flag,", "flag ,")
    assert provenance._fingerprint() != before
