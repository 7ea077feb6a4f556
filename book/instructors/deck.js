/* Turns the slides: arrows, Page Up and Down, Space, Home and End; N shows the speaker notes, also on paper. Without this script
   the slides stand below one another. */
(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const bar = document.querySelector(".bar");
  const start = document.title;
  let now = 0;

  const show = (number, moved = true) => {
    now = Math.min(Math.max(number, 0), slides.length - 1);
    slides.forEach((one, place) => one.classList.toggle("now", place === now));
    const heading = slides[now].querySelector("h1, h2");
    document.title = now ? `${heading.textContent} (${start})` : start;
    if (!moved) return;
    history.replaceState(null, "", `#slide-${now + 1}`);
    heading.focus({ preventScroll: true });
  };
  const notes = () => {
    const shown = document.body.classList.toggle("with-notes");
    bar.querySelector("[data-do=notes]").setAttribute("aria-pressed", String(shown));
  };
  const does = {
    back: () => show(now - 1),
    on: () => show(now + 1),
    notes,
    print: () => window.print(),
  };
  const keys = {
    ArrowRight: does.on, ArrowDown: does.on, PageDown: does.on, " ": does.on,
    ArrowLeft: does.back, ArrowUp: does.back, PageUp: does.back,
    Home: () => show(0), End: () => show(slides.length - 1),
    n: notes, N: notes,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    // A button takes Space itself, and long notes or tables scroll with the arrows that point up and down.
    const { target } = event;
    if (event.key === " " && target.closest("button, a")) return;
    if (/^(Arrow(Up|Down)|Page)/.test(event.key) && target.closest(".notes")) return;
    event.preventDefault();
    keys[event.key]();
  });
  bar.addEventListener("click", (event) => does[event.target.dataset.do]?.());
  const asked = () => Number(/^#slide-(\d+)$/.exec(location.hash)?.[1] ?? 1) - 1;
  window.addEventListener("hashchange", () => show(asked(), false));

  document.body.classList.add("turned");
  bar.hidden = false;
  show(asked(), false);
})();
