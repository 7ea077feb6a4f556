"""The instructor's folder: ``python book/instructors``, after the book is built.

Makes, in ``_build/instructors``, for every chapter the exercises without solutions, an answer key, slides and a summary of one
page; banks of questions for Moodle and for QTI 2.1; and a page that lists it all. A zip of the folder lies beside the PDF and the
EPUB, with which it is released.
"""

from __future__ import annotations

import html
import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(place)
    for place in (Path(__file__).resolve().parent, ROOT / "book" / "printed", ROOT / "book" / "_ext")
]
sys.path[:0] = [str(ROOT / "book"), str(ROOT)]

import address  # noqa: E402
import deck  # noqa: E402
import epub  # noqa: E402
import gather  # noqa: E402
import keys  # noqa: E402
import moodle  # noqa: E402
import qti  # noqa: E402
import quiz  # noqa: E402
import sheet  # noqa: E402
import summary  # noqa: E402
from cape_class import class_name  # noqa: E402
from printed import __main__ as printed  # noqa: E402

from cape_utils.teaching import registry  # noqa: E402

FOLDER = "instructors"
# What is made for each chapter: the folder, what all of it is called, one of it, and what is told of it.
KINDS = (
    (
        *("slides", "Slides", "Slides"),
        "Arrow keys turn them, N shows what to say, and the browser prints them to PDF, with notes or without.",
    ),
    ("summaries", "Summaries", "Summary", "One page of A4 each, to print and hand out."),
    (
        "exercises",
        "Exercises",
        "Notebook",
        "The notebooks with empty cells in place of the solutions, for students.",
    ),
    (
        *("answers", "Answer keys", "Key"),
        "What is right and how near, what students get wrong, and the solutions as they ran.",
    ),
)


def make(root: Path, book: Path, edition: Path, out: Path) -> list[Path]:
    """Make the folder anew.

    Parameters
    ----------
    root
        The repository.
    book
        The built pages.
    edition
        The EPUB of these pages.
    out
        The folder; what lies in it goes.

    Returns
    -------
    list of Path
        Every file.
    """
    where = address.read(root)
    about = sheet.edition(root, book, address=where.pages if where.known else "")
    chapters = gather.chapters(root, edition)
    prompts = quiz.prompts(root / "notebooks" / f"{one.name}.ipynb" for one in chapters)
    exercises = {one.id: one for one in registry.exercises() if one.id in prompts}
    numbers = {one.number for one in chapters}
    bets = [one for one in registry.bets() if one.id[:2] in numbers]
    titles = summary.main_titles(root)
    files: dict[str, bytes] = {}
    for one in chapters:
        files |= {
            f"slides/{one.name}.html": deck.deck(one, about).encode(),
            f"summaries/{one.name}.html": summary.summary(one, about, titles, prompts).encode(),
            f"answers/{one.name}.html": keys.key(one, about, prompts, exercises).encode(),
        }
        student = class_name(f"notebooks/{one.name}")
        files[f"exercises/{Path(student).name}"] = (book / "_sources" / student).read_bytes()
    asked = quiz.items(exercises.values(), bets, prompts)
    names = {one.number: f"{one.label}, {one.short_title}" for one in chapters}
    files["quiz/moodle.xml"] = moodle.bank(asked, course=about.title, chapters=names)
    files["index.html"] = _index(chapters, about).encode()

    shutil.rmtree(out, ignore_errors=True)
    for place, held in files.items():
        (out / place).parent.mkdir(parents=True, exist_ok=True)
        (out / place).write_bytes(held)
    packed(
        out / "quiz" / "qti21.zip", qti.package(asked, course=about.title, chapters=names).items(), about.date
    )
    return sorted(one for one in out.rglob("*") if one.is_file())


def packed(path: Path, files: Iterable[tuple[str, bytes]], date: str) -> None:
    """Write a zip; the same files give the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, held in files:
            archive.writestr(epub.entry(name, date), held)


def _index(chapters: list[gather.Chapter], about: sheet.Edition) -> str:
    heads = "".join(f'<th scope="col">{one}</th>' for one in ("Chapter", *(name for _, name, _, _ in KINDS)))
    rows = []
    for one in chapters:
        links = []
        for folder, name, word, _ in KINDS:
            file = Path(class_name(one.name)).name if folder == "exercises" else f"{one.name}.html"
            links.append(f'<td><a href="{folder}/{file}" aria-label="{name}: {one.label}">{word}</a></td>')
        title = html.escape(f"{one.label}: {one.short_title}")
        rows.append(f'<tr><th scope="row">{title}</th>{"".join(links)}</tr>')
    told = "".join(f"<dt>{name}</dt><dd>{words}</dd>" for _, name, _, words in KINDS)
    body = (
        f'<main class="bd-article"><h1>For instructors</h1><p>{html.escape(about.credit)}: show it, change it, hand it out, and '
        f"name the source. How to teach with it stands in the book's teaching guide.</p><dl>{told}<dt>Questions for a learning "
        'system</dt><dd><a href="quiz/moodle.xml">moodle.xml</a> for Moodle (Question bank, Import, Moodle XML format), '
        '<a href="quiz/qti21.zip">qti21.zip</a> for systems that read QTI 2.1. Numbers count within the tolerance of the book, '
        "and the usual mistakes get their own feedback.</dd></dl>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></main>"
    )
    return sheet.page(f"For instructors: {about.title}", body, about, "keys.css")


def main(argv: list[str] | None = None) -> int:
    """Make the folder and its zip; the exit status is 1 where there is no book or no Chromium."""
    found = printed.asked(argv, "Slides, summaries, exercises, answer keys and quiz banks.")
    if found is None:
        return 1
    book, editions = found
    out = book.parent / FOLDER
    files = make(ROOT, book, editions.epub, out)
    target = book / printed.FOLDER / f"{editions.epub.stem}-{FOLDER}.zip"
    target.parent.mkdir(exist_ok=True)
    date = sheet.compose.about(ROOT)["date"]
    packed(target, ((f"{FOLDER}/{one.relative_to(out).as_posix()}", one.read_bytes()) for one in files), date)
    print(f"{len(files)} files in {out}; all of them in {target}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
