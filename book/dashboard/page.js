// The page: reads what is typed, pasted, dropped or clicked, and shows the answer at once.

/** @param {HTMLElement} root */
function mount(root) {
  const first = panelFamily(DATA.example[0], DATA.example[1]);
  /** @type {State} */
  const example = { x: DATA.pair[0], y: DATA.pair[1], family: DATA.example[1], rows: rowsOf(first, true) };
  const linked = fromLink(window.location.hash);
  let state = linked.state || example;
  let found = answer([], "", state.x, state.y);
  let further = /** @type {string[]} */ ([]);
  let saving = 0;

  DATA.phases.forEach((name) => root.style.setProperty("--cd-" + name, DATA.colours[name]));
  const title = (/** @type {string} */ name) => DATA.benchmarks[name].title;
  const status = make("p", { class: "cd-status", role: "status" });
  const tell = (/** @type {string} */ words) => { status.textContent = words; };

  // What goes in
  const choose = (/** @type {string} */ id, /** @type {string} */ label, /** @type {Node[]} */ options) => {
    const select = make("select", { id: id }, ...options);
    return { field: make("div", { class: "cd-field" }, make("label", { for: id }, label), select), select: select };
  };
  const names = (/** @type {any[]} */ rows) => [...new Set(rows.map((row) => row.family))];
  const load = choose("cd-load", "Load a family", [make("option", { value: "" }, "choose \u2026"),
    make("optgroup", { label: "Open panel" }, ...names(OPEN).map((name) => make("option", { value: "open/" + name }, name))),
    make("optgroup", { label: "The paper\u2019s panel" }, ...names(PAPER).map((name) => make("option", { value: "paper/" + name }, name)))]);
  const pair = () => DATA.columns.map((name) => make("option", { value: name }, title(name)));
  const xs = choose("cd-x", "Change of", pair());
  const ys = choose("cd-y", "goes with change of", pair());
  const family = make("input", { id: "cd-family", type: "text", autocomplete: "off", spellcheck: "false" });
  const body = make("tbody");
  const head = ["Model", "Billions", ...DATA.columns.map(title)];
  const headCells = head.map((words, i) => make("th", { scope: "col", "data-column": i < 2 ? null : DATA.columns[i - 2] }, words));
  const table = make("table", { class: "cd-table" }, make("caption", { class: "cd-hidden" },
    "Your models: name, size in billion parameters, scores in percent"),
  make("thead", null, make("tr", null, ...headCells, make("th", { scope: "col" }, make("span", { class: "cd-hidden" }, "Take out")))), body);
  const problems = make("ul", { class: "cd-problems", "aria-live": "polite" });
  const addRow = make("button", { type: "button", click: () => {
    state.rows.push(Array(DATA.columns.length + 2).fill(""));
    build();
    body.lastElementChild.querySelector("input").focus();
  } }, "Add a model");
  const wide = make("button", { type: "button", "aria-pressed": "false", click: () => {
    const on = wide.getAttribute("aria-pressed") !== "true";
    wide.setAttribute("aria-pressed", String(on));
    root.classList.toggle("cd-five", on);
  } }, "All five scores");
  const clear = make("button", { type: "button", click: () => {
    state = { ...state, family: "", rows: [Array(DATA.columns.length + 2).fill("")] };
    tell("");
    further = [];
    build();
    body.querySelector("input").focus();
  } }, "Start empty");
  const pasted = make("textarea", { id: "cd-paste", rows: "5", spellcheck: "false",
    "aria-describedby": "cd-paste-note", placeholder: "model,family,params_b,hellaswag,truthfulqa_mc2" });
  const chosen = make("div", { class: "cd-choices" });
  const refusals = make("ul", { class: "cd-problems", "aria-live": "polite" });
  const file = make("input", { id: "cd-file", type: "file", accept: ".csv,.tsv,.txt,.md,text/csv,text/plain", change: async () => {
    if (file.files.length) await takeFile(file.files[0]);
    file.value = "";
  } });
  const paste = make("details", { class: "cd-paste" }, make("summary", null, "Paste or open a table"),
    make("label", { for: "cd-paste" }, "Table, with a header"), pasted,
    make("p", { id: "cd-paste-note", class: "cd-quiet" },
      "CSV, tab-separated or Markdown: model, family, params_b (billions), and scores in percent. Or open a file, or drop one on the page."),
    make("label", { for: "cd-file" }, "File"), file, refusals, chosen);
  pasted.addEventListener("input", () => {
    if (pasted.value.trim()) take(pasted.value, "the table");
    else {
      refusals.replaceChildren();
      chosen.replaceChildren();
    }
  });

  // What comes out
  const size = make("div", { class: "cd-body" });
  const scores = make("div", { class: "cd-body" });
  const spoken = make("p", { class: "cd-hidden", role: "status" });
  const slider = make("input", { id: "cd-slide", type: "range", min: "1.5", max: "99", step: "0.1" });
  const slideLabel = make("label", { for: "cd-slide" });
  const slide = make("div", { class: "cd-slide" }, slideLabel, slider,
    make("p", { class: "cd-quiet" }, "What the scores say follows. What size alone says does not: it never reads a score."));
  const steps = make("div");
  const under = make("p", { class: "cd-under", role: "status" });
  const mapBox = make("div", { class: "cd-map", tabindex: "0", role: "group", "aria-describedby": "cd-map-keys",
    "aria-label": "Map of the models; arrow keys go from dot to dot, Enter loads the family" });
  const map = { box: mapBox, ground: "", at: null, dots: [], here: -1 };
  const near = make("p", { class: "cd-near-words" });
  const cautionBox = make("div");
  const command = make("code");
  const copied = make("span", { role: "status", class: "cd-quiet" });
  const copy = async (/** @type {string} */ text, /** @type {string} */ what) => {
    try {
      await navigator.clipboard.writeText(text);
      copied.textContent = what + " copied.";
    } catch (error) {
      const area = make("textarea", null);
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      copied.textContent = done ? what + " copied." : "This browser does not let a page copy; the address bar holds the link.";
    }
  };
  const keep = make("div", { class: "cd-buttons" },
    make("button", { type: "button", click: () => { save(); copy(window.location.href, "Link"); } }, "Copy the link"),
    make("button", { type: "button", click: () => {
      const link = make("a", { href: URL.createObjectURL(new Blob([toCsv(state)], { type: "text/csv" })), download: "scores.csv" });
      link.click();
      URL.revokeObjectURL(link.href);
    } }, "Save scores.csv"),
    make("button", { type: "button", click: () => copy(toCommand(state), "Command") }, "Copy the command"), copied);

  const card = (/** @type {string} */ id, /** @type {string} */ words, /** @type {string} */ about, /** @type {Node[]} */ ...inside) =>
    make("section", { class: "cd-card", "aria-labelledby": id }, make("h2", { id: id }, words),
      ...(about ? [make("p", { class: "cd-about" }, about)] : []), ...inside);
  root.replaceChildren(
    make("div", { class: "cd-bar-top" }, load.field, xs.field, ys.field, make("p", { class: "cd-private" },
      "Nothing that you type, paste or open leaves this page.")),
    status, spoken,
    make("div", { class: "cd-columns" },
      make("div", { class: "cd-left" }, make("section", { class: "cd-card cd-form", "aria-labelledby": "cd-in" },
        make("h2", { id: "cd-in" }, "Scores"), make("div", { class: "cd-field" }, make("label", { for: "cd-family" }, "Family"), family),
        make("div", { class: "cd-scroll" }, table), problems, make("div", { class: "cd-buttons" }, addRow, wide, clear),
        make("p", { class: "cd-quiet" }, "In a score, the arrow keys up and down move it by a tenth, with Shift by one."), paste)),
      make("div", { class: "cd-right" },
        make("div", { class: "cd-pair" }, card("cd-size", "What size alone says", "The paper\u2019s dashboard", size),
          card("cd-scores", "What the scores say", "This page", scores)),
        slide)),
    card("cd-steps", "Step by step", "", steps),
    card("cd-map", "Map", "", make("p", { class: "cd-legend" }, make("i", { class: "cd-k cd-k-mine" }), "your ladder ",
      make("i", { class: "cd-k cd-k-near" }), "nearest families ", make("i", { class: "cd-k cd-k-open" }), "open panel ",
      make("i", { class: "cd-k cd-k-paper" }), "the paper\u2019s panel"), mapBox, under,
    make("p", { class: "cd-quiet", id: "cd-map-keys" }, "Click a dot, or go to it with the arrow keys and press Enter, and its family stands in the form."),
    near),
    make("div", { class: "cd-pair" }, card("cd-cautions", "Cautions", "", cautionBox),
      card("cd-limits", "Limits", "", make("ul", null, ...DATA.limits.map((words) => make("li", null, words))))),
    card("cd-keep", "Keep", "", make("p", null, "The address of this page holds all that stands in the form. In a shell, on the saved table, ",
      command, " gives the same couplings, cautions and neighbours; it draws the test items anew, weighs each phase by the steps of " +
      "other families too, and says more."), keep),
  );

  /** @param {string} name @param {Uint8Array|null} bytes */
  async function takeFile(source) {
    const read = decode(new Uint8Array(await source.arrayBuffer()));
    paste.open = true;
    if (read.problems) refuse(read.problems, source.name);
    else {
      pasted.value = read.text || "";
      take(read.text || "", source.name);
    }
  }

  /** @param {Problem[]} list @param {string} name */
  function refuse(list, name) {
    const shown = list.slice(0, 12).map((one) => make("li", null, problemText(one, name)));
    if (list.length > 12) shown.push(make("li", null, "... and " + (list.length - 12) + " more problems of this kind"));
    refusals.replaceChildren(...shown);
    chosen.replaceChildren();
  }

  /** A text that was pasted or dropped. @param {string} text @param {string} name */
  function take(text, name) {
    if (/^\s*[{[]/.test(text)) {
      refuse([problem(null, null, null, "this is JSON, and this page reads tables; cape diagnose reads files and folders of results")], name);
      return;
    }
    const read = readText(text);
    if (read.problems.length) {
      refuse(read.problems, name);
      return;
    }
    refusals.replaceChildren();
    const families = [...new Set(read.models.map((model) => model.family))];
    const put = (/** @type {string} */ which) => {
      const all = read.models.filter((model) => model.family === which);
      const have = DATA.columns.filter((column) => all.some((model) => model.scores[column] !== null));
      further = read.unused.length ? ["Not used on this page, and used by cape diagnose: " + read.unused.join(", ") + "."] : [];
      const use = have.includes(state.x) && have.includes(state.y) || have.length < 2 ? [state.x, state.y] : have.slice(0, 2);
      state = { x: use[0], y: use[1], family: which, rows: rowsOf(all.slice(0, DATA.most)) };
      tell(which + " stands in the form, " + Math.min(all.length, DATA.most) + " models" +
        (all.length > DATA.most ? "; the other " + (all.length - DATA.most) + " are left out, for it takes " + DATA.most : "") + ".");
      build();
    };
    chosen.replaceChildren(...(families.length > 1 ? [make("p", null, "The table holds " + families.length + " families; choose one:"),
      ...families.map((which) => make("button", { type: "button", click: () => put(which) }, which))] : []));
    put(families[0]);
  }

  /** @param {string} value panel/family */
  function loadFamily(value) {
    const which = /** @type {"open"|"paper"} */ (value.split("/", 1)[0]);
    const name = value.slice(which.length + 1);
    const rows = panelFamily(which, name);
    state = { ...state, family: name, rows: rowsOf(rows, true) };
    further = [];
    tell(name + " stands in the form, " + rows.length + (rows.length === 1 ? " model." : " models."));
    load.select.value = value;
    build();
  }

  /** The table anew, where rows come or go. */
  function build() {
    family.value = state.family;
    xs.select.value = state.x;
    ys.select.value = state.y;
    body.replaceChildren(...state.rows.map((row, i) => make("tr", null,
      ...row.map((value, j) => {
        const input = make("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": head[j] + ", row " + (i + 1),
          inputmode: j ? "decimal" : null, "data-row": i, "data-cell": j, title: j ? null : value });
        input.value = value;
        return make("td", { "data-column": j < 2 ? null : DATA.columns[j - 2] }, input);
      }),
      make("td", null, make("button", { type: "button", class: "cd-out", "aria-label": "Take out row " + (i + 1), click: () => {
        state.rows.splice(i, 1);
        if (!state.rows.length) state.rows.push(Array(DATA.columns.length + 2).fill(""));
        build();
        (body.rows[Math.min(i, body.rows.length - 1)].querySelector(".cd-out")).focus();
      } }, "\u00d7")))));
    addRow.disabled = state.rows.length >= DATA.most;
    update();
  }

  /** The answer to what stands in the form. */
  function update() {
    const checked = checkState(state);
    found = answer(checked.models, familyName(state), state.x, state.y);
    root.querySelectorAll("[data-column]").forEach((cell) => {
      const name = cell.getAttribute("data-column");
      cell.classList.toggle("cd-used", name === state.x || name === state.y);
    });
    showProblems(checked);
    showSize(size, found);
    showScores(scores, found, state);
    showSteps(steps, found, state);
    showMap(map, found, state);
    showNear(near, found);
    showCautions(cautionBox, found, further);
    showSlider();
    command.textContent = toCommand(state);
    window.clearTimeout(saving);
    // A reader who hears the answer should not hear every keystroke's.
    saving = window.setTimeout(() => {
      save();
      spoken.textContent = found.headline || found.problem;
    }, 400);
  }

  function save() {
    const link = toLink(state);
    if (window.location.hash !== link && touched) window.history.replaceState(null, "", link);
  }

  /** @param {any} checked */
  function showProblems(checked) {
    body.querySelectorAll("[aria-invalid]").forEach((input) => {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    });
    const lines = checked.problems.slice(0, 12).map((one, i) => {
      const cell = one.column === "params_b" ? 1 : one.column === "model" || one.column === null ? 0 : DATA.columns.indexOf(one.column) + 2;
      if (one.place !== null) {
        const input = body.querySelector('[data-row="' + one.place + '"][data-cell="' + cell + '"]');
        input?.setAttribute("aria-invalid", "true");
        input?.setAttribute("aria-describedby", "cd-problem-" + i);
      }
      return make("li", { id: "cd-problem-" + i }, problemText(one, "the table"));
    });
    if (checked.left.length) lines.push(make("li", null, "Left out until mended: " + checked.left.map(shortModel).join(", ") + "."));
    if (problems.textContent !== lines.map((line) => line.textContent).join("")) problems.replaceChildren(...lines);
  }

  /** The slider moves the second score of the largest model. */
  function showSlider() {
    const last = found.ladder[found.ladder.length - 1];
    slide.hidden = !last || state.x === state.y;
    if (slide.hidden) return;
    const value = Number(last.scores[state.y]);
    if (document.activeElement !== slider || Math.abs(Number(slider.value) - value) > 0.06) slider.value = String(value);
    slideLabel.replaceChildren("Move " + title(state.y) + " of " + shortModel(last.model) + ": ", make("b", null, general(value, 4) + "%"));
    slider.setAttribute("aria-valuetext", general(value, 4) + " percent");
  }

  let touched = Boolean(linked.state);
  root.addEventListener("input", () => { touched = true; }, true);
  root.addEventListener("click", () => { touched = true; }, true);
  body.addEventListener("input", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    state.rows[Number(input.dataset.row)][Number(input.dataset.cell)] = input.value;
    load.select.value = "";
    update();
  });
  body.addEventListener("keydown", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const way = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    if (!way || !input.dataset || Number(input.dataset.cell) < 2 || !ANY_NUMBER.test(input.value.trim())) return;
    event.preventDefault();
    const moved = Number(input.value) + way * (event.shiftKey ? 1 : 0.1);
    input.value = String(Math.round(Math.min(100, Math.max(0, moved)) * 1e6) / 1e6);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  slider.addEventListener("input", () => {
    const last = found.ladder[found.ladder.length - 1];
    const { cells, places } = cellsOf(state);
    const row = places[cells.lines.indexOf(last.line)];
    const cell = DATA.columns.indexOf(state.y) + 2;
    state.rows[row][cell] = slider.value;
    body.querySelector('[data-row="' + row + '"][data-cell="' + cell + '"]').value = slider.value;
    update();
  });
  family.addEventListener("input", () => { state.family = family.value; update(); });
  xs.select.addEventListener("change", () => { state.x = xs.select.value; update(); });
  ys.select.addEventListener("change", () => { state.y = ys.select.value; update(); });
  load.select.addEventListener("change", () => { if (load.select.value) loadFamily(load.select.value); });
  window.addEventListener("hashchange", () => {
    const link = fromLink(window.location.hash);
    if (link.words) tell(link.words);
    if (link.state) {
      state = link.state;
      further = [];
      touched = true;
      build();
    }
  });

  // The map: a dot under the pointer, or under the arrow keys
  const point = (/** @type {number} */ place) => {
    map.dots[map.here]?.dot.classList.remove("cd-pointed");
    map.here = place;
    const one = map.dots[place];
    one?.dot.classList.add("cd-pointed");
    under.textContent = one ? one.row.model + " (" + (one.row.panel === "open" ? "open panel" : "the paper\u2019s panel") + "), " +
      sizeText(one.row.params_b) + ": " + title(state.x) + " " + one.row.scores[state.x] + ", " + title(state.y) + " " + one.row.scores[state.y] : "";
  };
  mapBox.addEventListener("pointermove", (event) => {
    const dot = /** @type {Element} */ (event.target).closest("[data-place]");
    if (dot) point(Number(dot.getAttribute("data-place")));
  });
  mapBox.addEventListener("click", (event) => {
    const dot = /** @type {Element} */ (event.target).closest("[data-place]");
    if (dot) loadRow(map.dots[Number(dot.getAttribute("data-place"))].row);
  });
  const loadRow = (/** @type {any} */ row) => loadFamily(row.panel + "/" + row.family);
  mapBox.addEventListener("keydown", (event) => {
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (event.key === "Enter" && map.here >= 0) {
      loadRow(map.dots[map.here].row);
    } else if (way) {
      event.preventDefault();
      touched = true;
      const at = (/** @type {any} */ one) => [Number(one.dot.getAttribute("cx")), Number(one.dot.getAttribute("cy"))];
      if (map.here < 0) {
        point(0);
        return;
      }
      const from = at(map.dots[map.here]);
      let best = -1;
      let least = Infinity;
      map.dots.forEach((one, i) => {
        const to = at(one);
        const along = (to[0] - from[0]) * way[0] + (to[1] - from[1]) * way[1];
        const aside = Math.abs((to[0] - from[0]) * way[1]) + Math.abs((to[1] - from[1]) * way[0]);
        if (i !== map.here && along > 0 && along + 2 * aside < least) {
          best = i;
          least = along + 2 * aside;
        }
      });
      if (best >= 0) point(best);
    }
  });

  // Files dropped anywhere on the dashboard
  ["dragover", "drop"].forEach((kind) => root.addEventListener(kind, (event) => {
    const files = /** @type {DragEvent} */ (event).dataTransfer?.files;
    if (!/** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (kind === "drop" && files?.length) {
      touched = true;
      takeFile(files[0]);
    }
  }));
  let waiting = 0;
  window.addEventListener("resize", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => showMap(map, found, state), 100);
  });

  if (!linked.state) load.select.value = DATA.example.join("/");
  build();
  if (linked.words) tell(linked.words);
  root.dataset.mounted = "true";
}

// The page takes the whole width; the list of chapters is one click away.
document.getElementById("pst-primary-sidebar")?.classList.add("pst-sidebar-hidden");
document.querySelectorAll(".cape-dashboard").forEach((root) => mount(/** @type {HTMLElement} */ (root)));

// What a test may call.
window.capeDashboard = { answer: answer, readText: readText, decode: decode, problemText: problemText, sizeFromName: sizeFromName,
  shortName: shortName, toLink: toLink, fromLink: fromLink, toCsv: toCsv, checkState: checkState, general: general, fixed: fixed,
  normalCdf: normalCdf, panelFamily: panelFamily };
