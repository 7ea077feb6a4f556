"""The eigenstructure of the page: its solver against numpy, odd ladders against the package, and what a reader sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from cape_utils import data
from tests.browser.dashboard.page import BENCHMARKS, DIGITS, HS, TQA, cell, compare, fresh, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import checks


def matrices() -> list[np.ndarray]:
    """Symmetric ones of every size up to twelve: full, of low rank, with equal eigenvalues, diagonal, large and small."""
    rng = np.random.default_rng(0)
    made = []
    for n in range(2, 13):
        full = rng.normal(size=(n, n))
        low = rng.normal(size=(n, max(1, n // 2)))
        basis, _ = np.linalg.qr(full)
        made += [full + full.T, 1e4 * low @ low.T, basis @ np.diag([3.0] * (n - 1) + [1.0]) @ basis.T]
        made += [np.diag(rng.normal(size=n)), 1e-8 * (full @ full.T)]
    return [(one + one.T) / 2 for one in made]


def test_the_solver_is_numpy_s(visit: checks.Visit) -> None:
    given = matrices()
    found = visit.page.evaluate(
        "all => all.map((one) => capeDashboard.eigen(one))", [m.tolist() for m in given]
    )
    for matrix, one in zip(given, found, strict=True):
        values, vectors = np.array(one["values"]), np.array(one["vectors"])
        scale = np.abs(matrix).max()
        np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[::-1], atol=DIGITS * scale, rtol=0)
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(matrix)), atol=DIGITS)
        np.testing.assert_allclose(vectors.T @ np.diag(values) @ vectors, matrix, atol=DIGITS * scale, rtol=0)


def ladder(scores: dict[str, list[float]]) -> pd.DataFrame:
    n = len(next(iter(scores.values())))
    table = pd.DataFrame(
        {"model": [f"m{i}" for i in range(n)], "family": "mine", "params_b": 2.0 ** np.arange(n)}
    )
    return table.assign(**{name: scores.get(name, [np.nan] * n) for name in BENCHMARKS})


ODD = {
    "three models": ladder({HS: [40, 50, 60], TQA: [40, 38, 41], "mmlu": [25, 26, 40]}),
    "a benchmark on which all score alike": ladder({HS: [40, 50, 60, 70], TQA: [44.3] * 4, "mmlu": [25, 26, 40, 50]}),
    "scores that go exactly together": ladder({HS: [40, 50, 60], TQA: [30, 40, 50], "mmlu": [20, 30, 40]}),
    "two directions of one length": ladder({HS: [40, 60, 50, 50], TQA: [50, 50, 40, 60]}),
    "nothing moves": ladder({HS: [50, 50, 50], TQA: [40, 40, 40]}),
    "two models": ladder({HS: [40, 50], TQA: [40, 38]}),
    "twelve models": ladder(
        {
            HS: list(range(30, 42)),
            TQA: [40 + (i * 7) % 5 for i in range(12)],
            "arc_challenge": [20 + i**1.1 for i in range(12)],
        }
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
def test_odd_ladders_are_the_package_s(visit: checks.Visit, what: str) -> None:
    assert compare(visit.page, [(ODD[what], HS, TQA)]) == []


def test_a_direction_that_the_scores_leave_open_is_not_shown(visit: checks.Visit) -> None:
    loadings = {}
    for what in ("two directions of one length", "scores that go exactly together", "three models"):
        models = [
            {
                "model": row["model"],
                "params_b": row["params_b"],
                "scores": {name: row[name] for name in BENCHMARKS},
            }
            for row in ODD[what].replace({np.nan: None}).to_dict("records")
        ]
        loadings[what] = visit.page.evaluate(
            "([models, x, y]) => capeDashboard.answer(models, 'f', x, y).eigenstructure.loadings",
            [models, HS, TQA],
        )
    assert loadings["two directions of one length"] == [None, None]
    assert [one is None for one in loadings["scores that go exactly together"]] == [False, True]
    assert None not in loadings["three models"]


def test_a_reader_sees_ratio_loadings_and_matrix_follow(browser: Browser, disk: str) -> None:
    opened = fresh(browser, disk)
    page = opened.page
    card = page.locator("[aria-labelledby=cd-eigenstructure]")
    said = card.locator("svg").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    assert "Participation ratio" in said[0]
    assert all(data.benchmark_title(name) in said[1] for name in BENCHMARKS)
    assert card.locator("tbody tr").count() == 5
    matrix = card.locator("tbody").inner_text()
    cell(page, 7, TQA).fill("90")
    settled(page)
    assert card.locator("svg").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))") != said
    assert card.locator("tbody").inner_text() != matrix
    cell(page, 7, "mmlu").evaluate(
        "one => { one.value = ''; one.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    settled(page)
    assert card.locator("tbody tr").count() == 4
    for row in range(7, 1, -1):
        cell(page, row, HS).fill("")
    settled(page)
    assert "Needs three models" in card.inner_text()
    assert opened.errors == []
    opened.close()
