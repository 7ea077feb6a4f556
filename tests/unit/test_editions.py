"""The ledger of each edition, what changed between two, and what other catalogues are told of the tables."""

from __future__ import annotations

import copy
import hashlib
import json
import re

import pytest
import yaml

import cape_utils
from cape_utils import data
from tests.loading import ROOT, load

editions = load("book/editions.py")
card = load("book/dataset_card.py")
WHY = {
    "claim": "a",
    "changed": "2026-02-01",
    "before": "differs",
    "after": "reproduced",
    "why": "a table was corrected",
}


def ledger(version, date, **verdicts):
    return {
        "version": version,
        "date": date,
        "claims": [{"id": name, "verdict": verdict} for name, verdict in verdicts.items()],
    }


FIRST = ledger("0.1.0", "2026-01-01", a="differs", b="reproduced")


def test_the_present_edition_keeps_the_verdicts_of_the_rule():
    kept = json.loads(editions.place(ROOT, cape_utils.__version__).read_text(encoding="utf-8"))
    now = editions.present(ROOT)
    stale = "renew it with: make tables (after a release, raise the version first)"
    assert editions.verdicts(kept) == editions.verdicts(now), stale
    assert (kept["version"], kept["date"]) == (now["version"], now["date"]), stale
    assert set(kept["claims"][0]) == set(now["claims"][0])


def test_ledgers_come_in_the_order_of_versions(tmp_path):
    for version in ("0.10.0", "0.2.0", "0.9.1"):
        path = editions.place(tmp_path, version)
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(ledger(version, "2026-01-01")), encoding="utf-8")
    assert [one["version"] for one in editions.ledgers(tmp_path)] == ["0.2.0", "0.9.1", "0.10.0"]


def test_a_changed_verdict_comes_with_its_reason():
    second = ledger("0.2.0", "2026-03-01", a="reproduced", c="borderline")
    assert editions.changes(FIRST, second, [WHY]) == [
        {"claim": "a", "before": "differs", "after": "reproduced", "why": "a table was corrected"},
        {"claim": "c", "before": editions.NEW, "after": "borderline", "why": ""},
        {"claim": "b", "before": "reproduced", "after": editions.GONE, "why": ""},
    ]
    assert editions.changes(FIRST, copy.deepcopy(FIRST), []) == []


@pytest.mark.parametrize(
    "reasons",
    [
        pytest.param([], id="none"),
        pytest.param([WHY | {"changed": "2025-12-01"}], id="older than the first edition"),
        pytest.param([WHY | {"after": "borderline"}], id="of another verdict"),
        pytest.param([WHY | {"claim": "b"}], id="of another claim"),
    ],
)
def test_a_changed_verdict_without_a_reason_is_refused(reasons):
    second = ledger("0.2.0", "2026-03-01", a="reproduced", b="reproduced")
    with pytest.raises(ValueError, match=r"a was 'differs' in 0\.1\.0 and is 'reproduced' in 0\.2\.0"):
        editions.changes(FIRST, second, reasons)


@pytest.mark.parametrize("dated", ["2026-01-01", "unreleased"])
def test_the_ledger_of_a_released_edition_stays(tmp_path, monkeypatch, dated):
    (tmp_path / "CHANGELOG.md").write_text(f"## 0.1.0 ({dated})\n", encoding="utf-8")
    now = ledger("0.1.0", "2026-01-01", a="reproduced", b="reproduced")
    monkeypatch.setattr(editions, "present", lambda _: FIRST)
    assert editions.write(tmp_path).endswith("written")
    assert editions.write(tmp_path).endswith("fresh")
    monkeypatch.setattr(editions, "present", lambda _: now)
    if dated == "unreleased":
        assert editions.write(tmp_path).endswith("written")
        assert editions.ledgers(tmp_path) == [now]
    else:
        with pytest.raises(ValueError, match="give the next version a number first"):
            editions.write(tmp_path)
        assert editions.ledgers(tmp_path) == [FIRST]
        # The day of the release is known last, and may be written.
        monkeypatch.setattr(editions, "present", lambda _: FIRST | {"date": "2026-01-02"})
        assert editions.write(tmp_path).endswith("written")


def test_the_page_shows_two_editions_side_by_side():
    page = load("book/_ext/cape_editions.py")
    second = ledger("0.2.0", "2026-03-01", a="reproduced", b="reproduced")
    shown = page.changed(editions.changes(FIRST, second, [WHY]), "0.1.0", "0.2.0")
    assert re.findall(r'<th scope="col">(.*?)</th>', shown) == ["claim", "0.1.0", "0.2.0", "why"]
    assert 'class="verdict differs">differs' in shown
    assert "a table was corrected" in shown
    assert page.changed([], "0.1.0", "0.2.0") == "<p>No verdict differs.</p>"
    numbers = re.findall(r'<td class="number">(\d+)</td>', page.counted([FIRST, second]))
    assert numbers == ["1", "2", "1", "0", "2", "2"], "reproduced, differs, claims"
    # Once there is a second edition, later changes are no longer those of the first one's drafts.
    assert page.in_progress([WHY], [FIRST]) == [WHY]
    assert page.in_progress([WHY], [FIRST, second]) == []


# ---------------------------------------------------------------- catalogues


def test_croissant_describes_the_tables_as_they_are():
    kept = json.loads((ROOT / "data" / "croissant.json").read_text(encoding="utf-8"))
    assert kept == card.croissant(ROOT), "renew it with: make tables"
    assert [one["name"] for one in kept["recordSet"]] == list(data.tables())
    for file in kept["distribution"]:
        content = (ROOT / "data" / file["contentUrl"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        (record,) = [
            one for one in kept["recordSet"] if one["field"][0]["source"]["fileObject"]["@id"] == file["@id"]
        ]
        header = content.decode("utf-8").partition("\n")[0].strip().split(",")
        assert [one["source"]["extract"]["column"] for one in record["field"]] == header
    named = re.findall(
        r'"@id": "([^"]+)"', json.dumps({key: kept[key] for key in ("distribution", "recordSet")})
    )
    fields = {one["@id"] for record in kept["recordSet"] for one in record["field"]}
    files = {one["@id"] for one in kept["distribution"]}
    assert set(named) <= fields | files | {one["@id"] for one in kept["recordSet"]}


def test_the_card_says_what_the_package_says():
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert text.startswith(card.card_head(ROOT) + "# "), "renew it with: make tables"
    head = yaml.safe_load(text.split("---\n")[1])
    assert [one["config_name"] for one in head["configs"]] == list(data.tables())
    assert card.with_head(text, card.card_head(ROOT)) == text
    assert card.with_head("# Tables\n", "---\na: 1\n---\n\n") == "---\na: 1\n---\n\n# Tables\n"
