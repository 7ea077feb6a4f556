// The page: a form, two dashboards and the cards under them; what is typed is answered at once.

const AHEAD = "300px"; // a card this near to the screen is drawn at once, another after a pause in the typing
const PAUSE = 150; // milliseconds

/** @param {HTMLElement} root */
function mount(root) {
  /** @type {State} */
  const example = { x: DATA.pair[0], y: DATA.pair[1], family: DATA.example[1],
    columns: [...DATA.columns], rows: rowsOf(panelFamily(DATA.example[0], DATA.example[1]), DATA.columns, true) };
  const linked = fromLink(window.location.hash);
  let touched = Boolean(linked.state);
  let saving = 0;
  let waiting = 0;
  let found = answer([], "", example.x, example.y);

  DATA.phases.forEach((name) => root.style.setProperty("--cd-" + name, DATA.colours[name]));
  const form = mountForm(root, linked.state || example, update);
  /** @type {Desk} */
  const desk = { state: form.state, further: form.further, loadFamily: form.loadFamily, save: save, settle: settle,
    touch: () => { touched = true; } };

  const size = make("div", { class: "cd-body" });
  const scores = make("div", { class: "cd-body" });
  const spoken = make("p", { class: "cd-hidden", role: "status" });
  const slider = make("input", { id: "cd-slide", type: "range", min: "1.5", max: "99", step: "0.1" });
  const slideLabel = make("label", { for: "cd-slide" });
  const slide = make("div", { class: "cd-slide" }, slideLabel, slider,
    make("p", { class: "cd-quiet" }, "What the scores say follows. What size alone says does not: it never reads a score."));

  const section = (/** @type {string} */ id, /** @type {string} */ words, /** @type {string} */ about, /** @type {Node[]} */ ...inside) =>
    make("section", { class: "cd-card", "aria-labelledby": id }, make("h2", { id: id }, words),
      ...(about ? [make("p", { class: "cd-about" }, about)] : []), ...inside);
  const dashboards = DASHBOARDS.map((one, i) => ({ title: one.title, section: section(one.id, one.title, one.about, i ? scores : size) }));
  const cards = CARDS.map((card) => {
    const { parts, show } = card.mount(desk);
    return { title: card.title, section: section(card.id, card.title, "", ...parts), half: card.half, show: show, near: false,
      stale: true };
  });
  /** @type {HTMLElement[]} */
  const below = [];
  cards.forEach((card, i) => {
    if (!card.half) below.push(card.section);
    else if (i && cards[i - 1].half && below[below.length - 1].childElementCount === 1) below[below.length - 1].append(card.section);
    else below.push(make("div", { class: "cd-pair" }, card.section));
  });
  root.replaceChildren(form.bar, form.status, spoken,
    make("div", { class: "cd-columns" }, make("div", { class: "cd-left" }, form.card),
      make("div", { class: "cd-right" },
        make("div", { class: "cd-pair" }, ...dashboards.map((one) => one.section)),
        slide)),
    ...below);

  /** @param {any} card */
  function draw(card) {
    card.stale = false;
    card.show(found, form.state());
    offerCharts(card.section, card.title, desk);
    root.toggleAttribute("data-stale", cards.some((one) => one.stale));
  }

  /** Draw what is not drawn yet, for a report. @returns {any} the answer */
  function settle() {
    cards.filter((card) => card.stale).forEach(draw);
    return found;
  }

  /** One card that is not near the screen, then the next: a keystroke never waits for more than one. */
  function drawNext() {
    const card = cards.find((one) => one.stale);
    if (!card) return;
    draw(card);
    waiting = window.setTimeout(drawNext, 0);
  }

  /** The answer to what stands in the form. */
  function update() {
    const state = form.state();
    const checked = checkState(state);
    found = answer(checked.models, familyName(state), state.x, state.y);
    form.show(checked);
    showSize(size, found);
    showScores(scores, found, state);
    dashboards.forEach((one) => offerCharts(one.section, one.title, desk));
    showSlider();
    cards.forEach((card) => { card.stale = true; });
    root.toggleAttribute("data-stale", true);
    cards.filter((card) => card.near).forEach(draw);
    window.clearTimeout(waiting);
    waiting = window.setTimeout(drawNext, PAUSE);
    window.clearTimeout(saving);
    // A reader who hears the answer should not hear every keystroke's.
    saving = window.setTimeout(() => {
      save();
      spoken.textContent = found.headline || found.problem;
    }, 400);
  }

  function save() {
    const link = toLink(form.state());
    if (window.location.hash !== link && touched) window.history.replaceState(null, "", link);
  }

  /** The slider moves the second score of the largest model. */
  function showSlider() {
    const { x, y } = form.state();
    const last = found.ladder[found.ladder.length - 1];
    slide.hidden = !last || x === y;
    if (slide.hidden) return;
    const value = Number(last.scores[y]);
    if (document.activeElement !== slider || Math.abs(Number(slider.value) - value) > 0.06) slider.value = String(value);
    slideLabel.replaceChildren("Move " + benchmarkTitle(y) + " of " + shortModel(last.model) + ": ",
      make("b", null, general(value, 4) + "%"));
    slider.setAttribute("aria-valuetext", general(value, 4) + " percent");
  }

  root.addEventListener("input", () => { touched = true; }, true);
  root.addEventListener("click", () => { touched = true; }, true);
  slider.addEventListener("input", () => {
    const last = found.ladder[found.ladder.length - 1];
    const { cells, places } = cellsOf(form.state());
    form.setScore(places[cells.lines.indexOf(last.line)], form.state().y, slider.value);
  });
  window.addEventListener("hashchange", () => {
    const link = fromLink(window.location.hash);
    if (link.words) form.tell(link.words);
    if (link.state) {
      touched = true;
      form.replace(link.state);
    }
  });

  // Files dropped anywhere on the dashboard
  ["dragover", "drop"].forEach((kind) => root.addEventListener(kind, (event) => {
    const carried = /** @type {DragEvent} */ (event).dataTransfer;
    if (!carried?.types.includes("Files")) return;
    event.preventDefault();
    if (kind === "drop" && carried.files.length) {
      touched = true;
      form.takeDropped(carried);
    }
  }));

  if (!linked.state) form.select(DATA.example.join("/"));
  form.build();
  if (linked.words) form.tell(linked.words);
  const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
    const card = cards.find((one) => one.section === entry.target);
    card.near = entry.isIntersecting;
    if (card.near && card.stale) draw(card);
  }), { rootMargin: AHEAD });
  cards.forEach((card) => watch.observe(card.section));
  root.dataset.mounted = "true";
}

// The page takes the whole width; the list of chapters is one click away.
document.getElementById("pst-primary-sidebar")?.classList.add("pst-sidebar-hidden");
document.querySelectorAll(".cape-dashboard").forEach((root) => mount(/** @type {HTMLElement} */ (root)));

// What a test may call.
/** @type {any} */ (window).capeDashboard = { answer: answer, readText: readText, decode: decode, problemText: problemText, sizeFromName: sizeFromName,
  shortName: shortName, toLink: toLink, fromLink: fromLink, toCsv: toCsv, checkState: checkState, general: general, fixed: fixed,
  normalCdf: normalCdf, panelFamily: panelFamily, eigen: eigen, advise: advise, nextSize: nextSize, readFolder: readFolder,
  readGiven: readGiven, parseJson: parseJson, pythonText: pythonText, benchmark: benchmark };
