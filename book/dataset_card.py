"""Describe the tables to other catalogues: ``python book/dataset_card.py``, a part of ``make tables``.

Writes ``data/croissant.json`` (Croissant 1.0, which search engines for data sets and machine learning libraries read) and the
head of ``data/README.md`` that the Hugging Face hub reads. Both repeat ``data/datapackage.json`` and ``CITATION.cff``, and hold
nothing of their own.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TYPES = {
    "string": "sc:Text",
    "number": "sc:Float",
    "integer": "sc:Integer",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "year": "sc:Integer",
    "yearmonth": "sc:Text",
    "any": "sc:Text",
}
# The words that Croissant 1.0 asks every file to repeat.
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def read(root: Path = ROOT) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data package and the citation file."""
    package = json.loads((root / "data" / "datapackage.json").read_text(encoding="utf-8"))
    return package, yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))


def croissant(root: Path = ROOT) -> dict[str, Any]:
    """The tables in Croissant's words; file addresses are relative to the file itself."""
    package, citation = read(root)
    year = str(citation["date-released"])[:4]
    names = [one.get("name") or f"{one['given-names']} {one['family-names']}" for one in citation["authors"]]
    files, records = [], []
    for one in package["resources"]:
        content = (root / "data" / one["path"]).read_bytes()
        files.append(
            {
                "@type": "cr:FileObject",
                "@id": one["path"],
                "name": one["path"],
                "description": one["title"],
                "contentUrl": one["path"],
                "encodingFormat": one["mediatype"],
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        key = one["schema"].get("primaryKey", [])
        columns = [key] if isinstance(key, str) else key
        record: dict[str, Any] = {
            "@type": "cr:RecordSet",
            "@id": one["name"],
            "name": one["name"],
            "description": one["description"],
        }
        if columns:
            record["key"] = [{"@id": f"{one['name']}/{column}"} for column in columns]
        record["field"] = [_field(one, column) for column in one["schema"]["fields"]]
        records.append(record)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": package["name"],
        "description": package["description"],
        "license": package["licenses"][0]["path"],
        "version": str(citation["version"]),
        "datePublished": str(citation["date-released"]),
        "creator": [{"@type": "sc:Organization", "name": name} for name in names],
        "keywords": citation["keywords"],
        "citeAs": f"{', '.join(names)} ({year}). {citation['title']}. Version {citation['version']}.",
        "distribution": files,
        "recordSet": records,
    }


def _field(resource: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
    unit = f" ({column['unit']})" if "unit" in column else ""
    return {
        "@type": "cr:Field",
        "@id": f"{resource['name']}/{column['name']}",
        "name": column["name"],
        "description": f"{column['description']}{unit}",
        "dataType": TYPES[column["type"]],
        "source": {"fileObject": {"@id": resource["path"]}, "extract": {"column": column["name"]}},
    }


def card_head(root: Path = ROOT) -> str:
    """What the hub reads at the head of ``data/README.md``."""
    package, citation = read(root)
    known = {
        "pretty_name": package["title"],
        "language": ["en"],
        "license": "other",
        "license_name": "as-each-source-says",
        "license_link": "README.md",
        "tags": list(citation["keywords"]),
        "configs": [{"config_name": one["name"], "data_files": one["path"]} for one in package["resources"]],
    }
    return f"---\n{yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=120)}---\n\n"


def with_head(text: str, head: str) -> str:
    """A page with this head in the place of the one it has, if it has one."""
    rest = text.partition("\n---\n")[2].lstrip("\n") if text.startswith("---\n") else text
    return head + rest


def write(root: Path = ROOT) -> None:
    """Write both."""
    text = json.dumps(croissant(root), indent=1, ensure_ascii=False) + "\n"
    (root / "data" / "croissant.json").write_text(text, encoding="utf-8")
    readme = root / "data" / "README.md"
    readme.write_text(with_head(readme.read_text(encoding="utf-8"), card_head(root)), encoding="utf-8")


if __name__ == "__main__":
    write()
    print("data/croissant.json and the head of data/README.md: written")
    sys.exit(0)
