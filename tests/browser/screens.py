"""How every page looks, kept small beside the tests, and what is different now.

A page is photographed as a whole, folds open and figures drawn, on a desk screen and on a phone, at an eighth of its
width, and kept as WebP. Two pictures are compared patch by patch: a patch of 32 by 32 px whose mean colour
has moved is a change, however long the page is, and a trembling edge of a letter is none. What is measured anew in every
build (class ``cape-measured``) is blanked out.

Pictures are the same only where browser and fonts are. ``kept.json`` says which made them; elsewhere only the heights of
the pages are compared, loosely, and a warning says so.

Run as a script (``make screens``) to keep the pages as they look now; name pages to keep only those.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.browser import checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).resolve().parent / "kept_screens"
SHOTS = ROOT / "_build" / "screenshots"
SIZES = (("desk", 1280, ("light", "dark")), ("phone", 390, ("dark", "light")))
"""Screens on which every page is looked at: name, width in px, and the themes in the order they are put on."""

SHRUNK = 8  # px of the page for one of the kept picture
TALLEST = 45_000  # px of the page, more than any chapter has; below, the height alone counts: a taller screen takes minutes
PATCH = 4  # px of the kept picture
MOST_OFF = 5.0  # of 255, in the mean colour of a patch; the same page photographed twice is 0 off
MOST_MOVED = 0.01  # share of a page that may look different; less is said, for someone to look at
ANOTHER_FONT = 0.25  # of the height; another font breaks lines elsewhere
COMMAND = "make screens"
# Nothing on the page has changed for a quarter of a second: a figure whose room has changed is drawn anew after 150 ms.
_CALM = """() => new Promise((done) => {
    const begun = performance.now();
    let last = begun;
    const changed = () => { last = performance.now(); };
    const changes = new MutationObserver(changed), sizes = new ResizeObserver(changed);
    changes.observe(document.documentElement, { subtree: true, childList: true, attributes: true, characterData: true });
    sizes.observe(document.body);
    const moves = (one) => one.playState === "running" && one.effect.getTiming().iterations < Infinity;  // or it never rests
    const look = () => {
        const busy = document.querySelector(".cape-stage:not(.cape-ready), [data-stale]")
            || document.fonts.status !== "loaded" || [...document.images].some((image) => !image.complete)
            || document.getAnimations().some(moves);
        const now = performance.now();
        if ((busy || now - last < 250) && now - begun < 20000) { setTimeout(look, 50); return; }
        changes.disconnect();
        sizes.disconnect();
        done(!busy);
    };
    look();
})"""
STILL = """
    *, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
    p.cape-measured { visibility: hidden; white-space: nowrap; overflow: hidden; }
    span.cape-measured { visibility: hidden; display: inline-block; width: 4em; }
    .skip-link { display: none !important; }
"""
# The way to skip the header waits just above the page; drawn small, it reaches into the first row, or does not.

# One canvas does all that would otherwise need an imaging library: the browser reads and writes pictures anyway.
_PICTURE = """const picture = async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    return image;
};
const paper = (width, height) => Object.assign(document.createElement("canvas"), { width, height });
"""
_PIXELS = """async (address) => {
    PICTURE
    const image = await picture(address);
    const canvas = paper(image.naturalWidth, image.naturalHeight);
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const reader = new FileReader();
    return new Promise((done) => {
        reader.onload = () => done([canvas.width, canvas.height, reader.result.split(",")[1]]);
        reader.readAsDataURL(new Blob([pen.getImageData(0, 0, canvas.width, canvas.height).data]));
    });
}""".replace("PICTURE", _PICTURE)
_SIDE_BY_SIDE = """async ([kept, now, top, bottom, shrunk]) => {
    PICTURE
    const [small, large] = [await picture(kept), await picture(now)];
    const width = large.naturalWidth;
    const canvas = paper(2 * width + 20, bottom - top);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#e0218a";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const rows = Math.min(bottom / shrunk, small.naturalHeight) - top / shrunk;
    if (rows > 0) pen.drawImage(small, 0, top / shrunk, small.naturalWidth, rows, 0, 0, width, rows * shrunk);
    const rest = Math.min(bottom, large.naturalHeight) - top;
    if (rest > 0) pen.drawImage(large, 0, top, width, rest, width + 20, 0, width, rest);
    return canvas.toDataURL("image/png");
}""".replace("PICTURE", _PICTURE)
_FONTS = """<body>""" + "".join(
    f'<p><span id="{name}" style="font: 20px {family}">Lying is just a phase: 0123456789 γ₁₂ ≤ ±</span></p>'
    for name, family in (
        ("text", "sans-serif"),
        ("code", "monospace"),
        ("serif", "serif"),
        ("system", "system-ui"),
    )
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shot:
    """A page as it looks: its height in px, the small picture that is kept, and how to take the whole one, while it is open."""

    name: str
    height: int
    small: bytes
    whole: Callable[[], bytes] | None = None


def name_of(path: str, width: int) -> str:
    """Return the name of a page's picture, without ending."""
    return f"{path.removesuffix('.html').replace('/', '-')}-{width}"


def settle(page: Page, theme: str) -> None:
    """Switch to a theme, open every fold, draw every figure, and wait until nothing changes any more."""
    page.evaluate("mode => { document.documentElement.dataset.theme = mode }", theme)
    checks.mount_all(page)
    page.evaluate(_CALM)


@contextmanager
def _as_tall_as_it_is(page: Page, width: int) -> Iterator[int]:
    """Give the page a screen of its own height, and hold it still.

    Chromium's picture of a page beyond its screen lets a figure see a wider one for a moment, and draw itself for it.
    """
    before = page.viewport_size
    style = page.add_style_tag(content=STILL)  # first, for a page is never shorter than its screen
    tall = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    page.set_viewport_size({"width": width, "height": tall})
    page.evaluate(_CALM)
    yield page.evaluate("document.documentElement.scrollHeight")
    style.evaluate("tag => tag.remove()")
    page.set_viewport_size(before or {"width": width, "height": 900})


def take(page: Page, path: str, width: int) -> Shot:
    """Photograph a page that has settled."""
    name = name_of(path, width)
    with _as_tall_as_it_is(page, width) as height:
        session = page.context.new_cdp_session(page)
        # The browser draws it small at once; to draw it whole first and shrink it then takes ten times as long.
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1 / SHRUNK}
        ask = {"format": "webp", "quality": 50, "clip": clip, "captureBeyondViewport": False}
        small = base64.b64decode(session.send("Page.captureScreenshot", ask)["data"])
        session.detach()

    def whole() -> bytes:
        with _as_tall_as_it_is(page, width):
            return page.screenshot()

    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / f"{name}.webp").write_bytes(small)
    (SHOTS / f"{name}.height").write_text(str(height))
    return Shot(name=name, height=height, small=small, whole=whole)


def taken(path: str, width: int, built: Path) -> Shot | None:
    """Return what the tests photographed last, if page, styles and scripts have not been written since."""
    name = name_of(path, width)
    small, height = SHOTS / f"{name}.webp", SHOTS / f"{name}.height"
    if not small.exists() or not height.exists():
        return None
    static = (built / "_static").rglob("*")
    written = max(file.stat().st_mtime for file in [built / path, *static])
    if min(small.stat().st_mtime, height.stat().st_mtime) < written:
        return None
    return Shot(name=name, height=int(height.read_text()), small=small.read_bytes())


def _address(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def pixels(desk: Page, webp: bytes) -> np.ndarray[Any, Any]:
    """Return the colours of a small picture, (height, width, 3), from 0 to 255."""
    width, height, content = desk.evaluate(_PIXELS, _address(webp, "webp"))
    flat = np.frombuffer(base64.b64decode(content), dtype=np.uint8)
    return flat.reshape(height, width, 4)[:, :, :3].astype(float)


def patches(colours: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the mean colour of each patch, (rows, columns, 3); what is left over at the far edges is left out."""
    rows, columns = (side // PATCH for side in colours.shape[:2])
    cut = colours[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH, 3)
    return cut.mean(axis=(1, 3))  # type: ignore[no-any-return]


def moved(kept: np.ndarray[Any, Any], now: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return by how much the strongest of its colours is off in each patch that both pictures have, (rows, columns)."""
    one, other = patches(kept), patches(now)
    rows, columns = min(len(one), len(other)), min(one.shape[1], other.shape[1])
    return np.abs(one[:rows, :columns] - other[:rows, :columns]).max(axis=2)  # type: ignore[no-any-return]


def maker(browser: Browser) -> dict[str, Any]:
    """Return what pictures depend on: the browser's version, and per kind of writing its font and how wide it runs."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_content(_FONTS)
    session = context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    fonts = {}
    for name in ("text", "code", "serif", "system"):
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": f"#{name}"})["nodeId"]
        used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        wide = page.evaluate("id => document.getElementById(id).getBoundingClientRect().width", name)
        fonts[name] = f"{', '.join(sorted(font['familyName'] for font in used))}: {wide:.1f} px"
    context.close()
    return {"chromium": browser.version, "fonts": fonts}


def kept_record() -> dict[str, Any]:
    """Return what is known of the kept pictures: what made them, and the heights of the pages in px."""
    path = KEPT / "kept.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"made_with": {}, "heights": {}}


def difference(
    desk: Page, shot: Shot, record: dict[str, Any], own: dict[str, Any], *, most: float = -1.0
) -> list[str]:
    """Say how a page differs from what is kept of it; empty where it does not. ``desk`` is any page to work on.

    Where it does and the page is still open, a picture of both, kept on the left, is written beside the screenshots; up to
    the share ``most`` it is a warning alone.
    """
    kept, height = KEPT / f"{shot.name}.webp", record["heights"].get(shot.name)
    if height is None or not kept.exists():
        return [f"{shot.name}: no picture of it is kept; `{COMMAND}` keeps one"]
    if record["made_with"] != own:
        warnings.warn(
            f"The kept pictures of the pages were made with {record['made_with']}, and here is {own}: "
            "only the heights of the pages were compared.",
            stacklevel=2,
        )
        if abs(shot.height - height) <= ANOTHER_FONT * height:
            return []
        return [f"{shot.name}: {shot.height} px tall, kept are {height} px; `{COMMAND}` accepts it"]
    off = moved(pixels(desk, kept.read_bytes()), pixels(desk, shot.small))
    rows = np.flatnonzero((off > MOST_OFF).any(axis=1)) * PATCH * SHRUNK
    faults = []
    if len(rows) or shot.height != height:
        ends = (rows[0], rows[-1]) if len(rows) else (min(shot.height, height, TALLEST),) * 2
        share = float((off > MOST_OFF).mean())
        taller = f", {shot.height - height:+} px tall" if shot.height != height else ""
        both = _beside(desk, kept.read_bytes(), shot, int(ends[0]), int(ends[1]))
        said = (
            f"{shot.name}: {share:.2%} of it looks different, from {int(ends[0])} px on{taller};{both} "
            f"`{COMMAND}` accepts it"
        )
        if share > most:
            faults.append(said)
        else:
            warnings.warn(said, stacklevel=2)
    return faults


def _beside(desk: Page, kept: bytes, shot: Shot, first: int, last: int) -> str:
    """Write what is kept and what there is now side by side, from 200 px above the first change; say where."""
    if shot.whole is None:
        return ""
    top = max(0, first - 200)
    bottom = min(last + 300, top + 3000)
    pictures = [_address(kept, "webp"), _address(shot.whole(), "png")]
    both = desk.evaluate(_SIDE_BY_SIDE, [*pictures, top, bottom, SHRUNK])
    path = SHOTS / f"{shot.name}-kept-and-now.png"
    path.write_bytes(base64.b64decode(both.split(",")[1]))
    return f" both in {path.relative_to(ROOT)};"


def left_over(pages: Iterable[str]) -> list[str]:
    """List what is kept of pages that are no longer there."""
    wanted = {name_of(path, width) for path in pages for _, width, _ in SIZES}
    kept = {path.stem for path in KEPT.glob("*.webp")} | set(kept_record()["heights"])
    return sorted(kept - wanted)


def _photographed(browser: Browser, base: str, built: Path, path: str) -> Iterator[Shot]:
    for _, width, themes in SIZES:
        shot = taken(path, width, built)
        if shot is None:
            visit = checks.open_page(browser, base, path, width=width, dark=themes[0] == "dark")
            settle(visit.page, themes[0])
            shot = dataclasses.replace(
                take(visit.page, path, width), whole=None
            )  # what is accepted needs no second look
            visit.close()
        yield shot


def main(names: list[str]) -> int:
    """Keep the pages as they look now, photographed by the last tests where nothing has been built since.

    Pictures that look the same stay byte for byte, so that a repository does not grow with every build.
    """
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import BOOK, FLAGS, serve
    from tests.browser.ensure_chromium import REMEDY, find_chromium

    executable, pages = find_chromium(), checks.book_pages(BOOK) if BOOK.exists() else []
    if not executable or not pages:
        print(
            f"No book in {BOOK}: build it first with `make book`." if executable else REMEDY, file=sys.stderr
        )
        return 1
    if unknown := [name for name in names if not any(name in page for page in pages)]:
        print(
            f"No page of the book is called {', '.join(unknown)}. There are {', '.join(pages)}.",
            file=sys.stderr,
        )
        return 1
    wanted = [page for page in pages if not names or any(name in page for name in names)]
    server, address = serve(BOOK)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        record, own, desk = kept_record(), maker(browser), browser.new_page()
        if record["made_with"] != own:
            if names and record["heights"]:
                print(
                    "Browser or fonts are others than those of the kept pictures: keep all pages, not some.",
                    file=sys.stderr,
                )
                return 1
            record = {"made_with": own, "heights": {}}
        KEPT.mkdir(exist_ok=True)
        changed = 0
        for shot in (one for path in wanted for one in _photographed(browser, address, BOOK, path)):
            if difference(desk, shot, record, own):
                (KEPT / f"{shot.name}.webp").write_bytes(shot.small)
                record["heights"][shot.name] = shot.height
                changed += 1
        browser.close()
    server.shutdown()
    for name in left_over(pages):
        (KEPT / f"{name}.webp").unlink(missing_ok=True)
        record["heights"].pop(name, None)
    record["heights"] = dict(sorted(record["heights"].items()))
    (KEPT / "kept.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    total = sum(path.stat().st_size for path in KEPT.iterdir())
    print(
        f"{changed} of {2 * len(wanted)} pictures are new; {total / 1e6:.2f} MB are kept in {KEPT.relative_to(ROOT)}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
