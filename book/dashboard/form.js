// The form: rows that are typed, and tables that are pasted, opened, dropped or loaded.

/** @param {HTMLElement} root @param {State} first what stands in it @param {() => void} changed called after every change
 * @returns {any} the parts of the form, and what the page may ask of it */
function mountForm(root, first, changed) {
  let state = first;
  let further = /** @type {string[]} */ ([]);

  const status = make("p", { class: "cd-status", role: "status" });
  const tell = (/** @type {string} */ words) => { status.textContent = words; };
  const choose = (/** @type {string} */ id, /** @type {string} */ label, /** @type {Node[]} */ options) => {
    const select = make("select", { id: id }, ...options);
    return { field: make("div", { class: "cd-field" }, make("label", { for: id }, label), select), select: select };
  };
  const names = (/** @type {any[]} */ rows) => [...new Set(rows.map((row) => row.family))];
  const load = choose("cd-load", "Load a family", [make("option", { value: "" }, "choose \u2026"),
    make("optgroup", { label: "Open panel" }, ...names(OPEN).map((name) => make("option", { value: "open/" + name }, name))),
    make("optgroup", { label: "The paper\u2019s panel" }, ...names(PAPER).map((name) => make("option", { value: "paper/" + name }, name)))]);
  const pair = () => DATA.columns.map((name) => make("option", { value: name }, benchmarkTitle(name)));
  const xs = choose("cd-x", "Change of", pair());
  const ys = choose("cd-y", "goes with change of", pair());
  const family = make("input", { id: "cd-family", type: "text", autocomplete: "off", spellcheck: "false" });
  const body = make("tbody");
  const head = ["Model", "Billions", ...DATA.columns.map(benchmarkTitle)];
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

  /** @param {File} source */
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
    changed();
  }

  /** Which columns are the pair's, and what is wrong with which cell. @param {any} checked */
  function show(checked) {
    table.querySelectorAll("[data-column]").forEach((cell) => {
      const name = cell.getAttribute("data-column");
      cell.classList.toggle("cd-used", name === state.x || name === state.y);
    });
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

  body.addEventListener("input", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    state.rows[Number(input.dataset.row)][Number(input.dataset.cell)] = input.value;
    load.select.value = "";
    changed();
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
  family.addEventListener("input", () => { state.family = family.value; changed(); });
  xs.select.addEventListener("change", () => { state.x = xs.select.value; changed(); });
  ys.select.addEventListener("change", () => { state.y = ys.select.value; changed(); });
  load.select.addEventListener("change", () => { if (load.select.value) loadFamily(load.select.value); });

  /** Put a state in, as a link holds it. @param {State} linked */
  function replace(linked) {
    state = linked;
    further = [];
    build();
  }

  /** Change one score of one row. @param {number} row @param {string} name @param {string} value */
  function setScore(row, name, value) {
    const cell = DATA.columns.indexOf(name) + 2;
    state.rows[row][cell] = value;
    body.querySelector('[data-row="' + row + '"][data-cell="' + cell + '"]').value = value;
    changed();
  }

  return {
    bar: make("div", { class: "cd-bar-top" }, load.field, xs.field, ys.field, make("p", { class: "cd-private" },
      "Nothing that you type, paste or open leaves this page.")),
    status: status,
    card: make("section", { class: "cd-card cd-form", "aria-labelledby": "cd-in" },
      make("h2", { id: "cd-in" }, "Scores"), make("div", { class: "cd-field" }, make("label", { for: "cd-family" }, "Family"), family),
      make("div", { class: "cd-scroll" }, table), problems, make("div", { class: "cd-buttons" }, addRow, wide, clear),
      make("p", { class: "cd-quiet" }, "In a score, the arrow keys up and down move it by a tenth, with Shift by one."), paste),
    state: () => state,
    further: () => further,
    select: (/** @type {string} */ value) => { load.select.value = value; },
    build: build, loadFamily: loadFamily, replace: replace, setScore: setScore, show: show, takeFile: takeFile, tell: tell,
  };
}
