"""Write what the package ships computed: derived tables with their digests, and the result behind every claim.

``make tables`` runs it. It takes minutes, changes nothing that is not stale, and is needed after an edit to the code or
to a table behind them; a test says so. With names, as in ``make calibration``, it computes these tables anew, stale or not, and
nothing else.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence

from cape_utils.claims import registry, results
from cape_utils.data.loading import tables_folder
from cape_utils.jobs.own_files import write_own
from cape_utils.jobs.provenance import book_provenance


def _write_tables(chosen: Sequence[str] = ()) -> None:
    path = tables_folder() / "datapackage.json"
    text = path.read_text(encoding="utf-8")
    # In the order of the description: a later table may be computed from an earlier one.
    made = [r["name"] for r in json.loads(text)["resources"] if "madeBy" in r]
    if unknown := set(chosen) - set(made):
        sys.exit(f"no table {', '.join(sorted(unknown))}; what can be computed is {', '.join(made)}")
    for name in [name for name in made if not chosen or name in chosen]:
        package = json.loads(path.read_text(encoding="utf-8"))
        (resource,) = [r for r in package["resources"] if r["name"] == name]
        module, function = resource["madeBy"]["code"].split(":")
        book_provenance.cache_clear()
        digest = book_provenance().depends_on(module, function).digest
        if digest == resource["madeBy"]["digest"] and not chosen:
            print(f"{name}: fresh")
            continue
        print(f"{name}: computing ...", flush=True)
        table = getattr(importlib.import_module(module), function)()
        text = table.to_csv(index=False, lineterminator="\n")
        write_own(path.with_name(resource["path"]), text, force=True)
        resource["madeBy"]["digest"] = digest
        write_own(path, json.dumps(package, indent=1, ensure_ascii=False) + "\n", force=True)
        _forget()


def _forget() -> None:
    """Let the next table see this one: what was read of the tables before is read again."""
    for module in [m for name, m in sys.modules.items() if name.startswith("cape_utils.")]:
        for member in vars(module).values():
            if hasattr(member, "cache_clear") and member.__module__.startswith("cape_utils."):
                member.cache_clear()


def _write_claims() -> None:
    path = tables_folder() / results.SHIPPED
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    shipped = {}
    for claim_id, digest in sorted(registry.digests().items()):
        if known.get(claim_id, {}).get("digest") == digest:
            shipped[claim_id] = known[claim_id]
            continue
        print(f"{claim_id}: computing ...", flush=True)
        computed = results.recompute(claim_id)
        assert computed is not None
        shipped[claim_id] = {"digest": digest, "result": results.as_object(computed)}
    write_own(path, json.dumps(shipped, indent=1, ensure_ascii=False) + "\n", force=True)


if __name__ == "__main__":
    _write_tables(sys.argv[1:])
    if not sys.argv[1:]:
        _write_claims()
