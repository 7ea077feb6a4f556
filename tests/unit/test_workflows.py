"""The workflows on GitHub: valid, pinned, with no more rights than they need; checked here, without GitHub."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
READ_ONLY = {"contents": "read"}
# Who may write, and what; a right that is not listed here is one too many.
WRITES = {
    ("publish", "live"): {"contents": "write"},
    ("publish", "deploy"): {"pages": "write", "id-token": "write"},
    ("release", "package"): {"attestations": "write", "contents": "read", "id-token": "write"},
    ("release", "release"): {"actions": "read", "contents": "write"},
    ("release", "pypi"): {"actions": "read", "id-token": "write"},
}
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# What whoever opens a pull request can choose the text of: it must not become part of a script.
FOREIGN = re.compile(r"\$\{\{[^}]*(github\.event\.|github\.head_ref|github\.ref_name|inputs\.)[^}]*\}\}")

Workflow = dict[str, Any]


def read(path: Path) -> Workflow:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads the word `on` as true
    return workflow


def steps(job: Workflow) -> list[Workflow]:
    return job.get("steps", [])


def rights(workflow: Workflow) -> list[str]:
    found = []
    if workflow.get("permissions") != READ_ONLY:
        found.append("permissions: the workflow as a whole may do more than read")
    for name, job in workflow["jobs"].items():
        allowed = WRITES.get((workflow["name"], name))
        given = job.get("permissions")
        if given is not None and given != allowed:
            found.append(f"permissions: {name} has {given}")
    return found


def limits(workflow: Workflow) -> list[str]:
    found = [] if workflow.get("concurrency", {}).get("group") else ["concurrency: no group"]
    return found + [
        f"timeout: {name} has none"
        for name, job in workflow["jobs"].items()
        if "uses" not in job and "timeout-minutes" not in job
    ]


def pins(workflow: Workflow) -> list[str]:
    used = [step["uses"] for job in workflow["jobs"].values() for step in steps(job) if "uses" in step]
    used += [job["uses"] for job in workflow["jobs"].values() if "uses" in job]
    return [
        f"pin: {use}"
        for use in used
        if not PINNED.fullmatch(use) and not (use.startswith("./") and (ROOT / use).is_file())
    ]


def credentials(workflow: Workflow) -> list[str]:
    """A checkout leaves its token behind only where a later step pushes."""
    found = []
    for name, job in workflow["jobs"].items():
        pushes = any("git push" in step.get("run", "") for step in steps(job))
        for step in steps(job):
            if step.get("uses", "").startswith("actions/checkout@"):
                kept = step.get("with", {}).get("persist-credentials", True)
                if kept != pushes:
                    found.append(f"credentials: {name}")
    return found


def scripts(workflow: Workflow) -> list[str]:
    return [
        f"script: {name} pastes {FOREIGN.search(step['run']).group(0)}"
        for name, job in workflow["jobs"].items()
        for step in steps(job)
        if "run" in step and FOREIGN.search(step["run"])
    ]


def commands_exist(workflow: Workflow) -> list[str]:
    """What a step runs from here is here."""
    targets = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    found = []
    for job in workflow["jobs"].values():
        for step in steps(job):
            for text in step.get("run", "").replace("\\\n", " ").splitlines():
                words = shlex.split(text)
                named = [word for word in words[1:] if "=" not in word and not word.endswith("/.book")]
                if words[:1] == ["make"] and not targets.issuperset(named):
                    found.append(f"command: make {' '.join(named)}")
                found += [
                    f"command: {word}"
                    for word in words
                    if re.fullmatch(r"(book|tests|\.ci)/[\w/.]+", word) and not (ROOT / word).exists()
                ]
    return found


def needs(workflow: Workflow) -> list[str]:
    found = []
    for name, job in workflow["jobs"].items():
        listed = job.get("needs", [])
        for other in [listed] if isinstance(listed, str) else listed:
            if other not in workflow["jobs"]:
                found.append(f"needs: {name} waits for {other}")
    return found


CHECKS = (rights, limits, pins, credentials, scripts, commands_exist, needs)


def schema_accepts(path: Path, schema: str = "vendor.github-workflows") -> bool:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def test_the_workflows_that_are_promised_are_there():
    on = {path.stem: read(path)["on"] for path in FILES}
    assert set(on) == {"test", "publish", "weekly", "release"}
    assert {"push", "pull_request", "workflow_call"} <= set(on["test"])
    assert on["publish"]["push"] == {"branches": ["main"]}
    assert "schedule" in on["weekly"]
    assert on["release"] == {"push": {"tags": ["v*"]}}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_workflow_is_as_agreed(path, check):
    assert check(read(path)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_workflow_is_valid(path):
    assert schema_accepts(path)


def test_the_renewal_of_pins_is_valid():
    assert schema_accepts(ROOT / ".github" / "dependabot.yml", "vendor.dependabot")


def test_the_form_for_errata_is_valid():
    assert schema_accepts(ROOT / ".github" / "ISSUE_TEMPLATE" / "erratum.yml", "vendor.github-issue-forms")


def test_a_release_holds_what_is_printed_and_the_folder_for_teachers():
    """Both programs have run before their folder is kept, and the release takes all of it.

    That the folder is theirs is a test of each.
    """
    tested = steps(read(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["test"])
    (made,) = [
        n
        for n, step in enumerate(tested)
        if {"make pdf", "make instructors"} <= set(step.get("run", "").splitlines())
    ]
    (kept,) = [
        n for n, step in enumerate(tested) if step.get("with", {}).get("path") == "_build/html/editions"
    ]
    assert made < kept
    released = steps(read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["release"])[-1]["run"]
    assert "--name editions --dir editions" in released
    assert released.rstrip().endswith("editions/*")


def test_one_pin_for_each_action():
    used = re.findall(r"uses: ([\w./-]+)@(\S+) # (v[\d.]+)", "\n".join(path.read_text() for path in FILES))
    assert len({name for name, _, _ in used}) == len(set(used)), sorted(set(used))
    count = sum(len(re.findall(r"uses: (?!\./)", path.read_text())) for path in FILES)
    assert count == len(used), "every pin says which version it is"


def test_what_is_published_is_what_was_tested_and_stamped():
    publish, test = read(ROOT / ".github/workflows/publish.yml"), read(ROOT / ".github/workflows/test.yml")
    assert publish["jobs"]["test"] == {"uses": "./.github/workflows/test.yml", "with": {"pages": True}}
    assert set(publish["jobs"]["deploy"]["needs"]) == {"test", "live"}
    kept = [step for step in steps(test["jobs"]["test"]) if "upload-pages-artifact" in step.get("uses", "")]
    assert [step["with"]["path"] for step in kept] == ["_build/html"]
    (push,) = [step["run"] for step in steps(publish["jobs"]["live"]) if "run" in step]
    assert (
        push.index("address.py stamp") < push.index("git commit") < push.index("git push --force origin live")
    )
    branch = re.search(r"^  branch: (\S+)", (ROOT / "_config.yml").read_text(), flags=re.MULTILINE).group(1)
    assert f"origin {branch}" in push
    assert branch in test["on"]["push"]["branches-ignore"], "the stamped branch holds second copies by design"


def test_every_python_that_the_package_names_is_tried():
    named = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    jobs = read(ROOT / ".github/workflows/test.yml")["jobs"]
    assert jobs["fast"]["strategy"]["matrix"]["python"] == named
    assert {"windows-latest", "macos-latest"} == set(jobs["smoke"]["strategy"]["matrix"]["system"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for step in steps(jobs["smoke"])[2:4]:
        assert f"    {step['run']}\n" in readme, "the smoke test does what the README says"


def publishing_faults(release: Workflow) -> list[str]:
    """The index is reached from a job of its own, which builds nothing and has what an earlier one attested."""
    jobs, found = release["jobs"], []
    uses = {
        name: [step.get("uses", "").partition("@")[0] for step in steps(job)] for name, job in jobs.items()
    }
    publishing = [name for name, used in uses.items() if "pypa/gh-action-pypi-publish" in used]
    if publishing != ["pypi"] or not jobs["pypi"].get("environment"):
        found.append("publishing: not in a job and an environment of its own")
    if any(
        "make" in step.get("run", "") or "checkout" in step.get("uses", "") for step in steps(jobs["pypi"])
    ):
        found.append("publishing: what is published is made where the index is reached")
    if "actions/attest-build-provenance" not in uses["package"] or "package" not in jobs["pypi"]["needs"]:
        found.append("publishing: what is published is not attested")
    return found


def test_the_index_is_reached_from_a_job_of_its_own():
    release = read(ROOT / ".github/workflows/release.yml")
    assert publishing_faults(release) == []
    moved = copy.deepcopy(release)
    moved["jobs"]["package"]["steps"] = [
        step for step in steps(moved["jobs"]["package"]) if "attest" not in step.get("uses", "")
    ]
    steps(moved["jobs"]["pypi"]).insert(0, {"run": "make package"})
    moved["jobs"]["pypi"].pop("environment")
    assert len(publishing_faults(moved)) == 3


def test_new_versions_of_actions_wait_a_week():
    (update,) = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert update["cooldown"]["default-days"] >= 7


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_workflow_names_an_owner(path):
    assert not re.search(r"github\.com/|github\.io|repository: ", path.read_text(encoding="utf-8"))


def test_the_pull_requests_preview_is_kept():
    job = read(ROOT / ".github/workflows/test.yml")["jobs"]["test"]
    (kept,) = [step for step in steps(job) if step.get("with", {}).get("name") == "book-preview"]
    assert kept["with"]["path"] == "_build/html"
    assert "pull_request" in kept["if"]


# ---------------------------------------------------------------- planted faults

Change = Callable[[Workflow], object]
FAULTS: dict[str, tuple[Change, Callable[[Workflow], list[str]], str]] = {
    "the right to write": (lambda w: w.update(permissions={"contents": "write"}), rights, "as a whole"),
    "no word on rights": (lambda w: w.pop("permissions"), rights, "as a whole"),
    "a job that may write": (
        lambda w: w["jobs"]["test"].update(permissions={"contents": "write"}),
        rights,
        "test has",
    ),
    "no timeout": (lambda w: w["jobs"]["test"].pop("timeout-minutes"), limits, "timeout: test"),
    "no concurrency": (lambda w: w.pop("concurrency"), limits, "no group"),
    "a tag for a pin": (
        lambda w: steps(w["jobs"]["test"])[0].update(uses="actions/checkout@v6"),
        pins,
        "actions/checkout@v6",
    ),
    "a token left behind": (lambda w: steps(w["jobs"]["test"])[0].pop("with"), credentials, "test"),
    "a title in a script": (
        lambda w: steps(w["jobs"]["test"]).append({"run": "echo ${{ github.event.pull_request.title }}"}),
        scripts,
        "pastes",
    ),
    "a command that is not there": (
        lambda w: steps(w["jobs"]["test"]).append({"run": "make tset\npython3 book/gone.py"}),
        commands_exist,
        "make tset",
    ),
    "a job that is not there": (lambda w: w["jobs"]["test"].update(needs="lint"), needs, "waits for lint"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    change, check, words = FAULTS[fault]
    workflow = copy.deepcopy(read(ROOT / ".github/workflows/test.yml"))
    assert check(workflow) == []
    change(workflow)
    assert any(words in problem for problem in check(workflow)), check(workflow)


@pytest.mark.parametrize(
    ("old", "new"),
    [("runs-on:", "run-on:"), ("    timeout-minutes: 60", "    timeout-minutes: soon"), ("jobs:", "job:")],
)
def test_the_schema_catches_a_planted_fault(tmp_path, old, new):
    text = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
    assert old in text
    planted = tmp_path / "test.yml"
    planted.write_text(text.replace(old, new), encoding="utf-8")
    assert not schema_accepts(planted)
