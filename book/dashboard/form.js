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
  const xs = choose("cd-x", "Change of", []);
  const ys = choose("cd-y", "goes with change of", []);
  const family = make("input", { id: "cd-family", type: "text", autocomplete: "off", spellcheck: "false" });
  const body = make("tbody");
  const headings = make("tr");
  const table = make("table", { class: "cd-table" }, make("caption", { class: "cd-hidden" },
    "Your models: name, size in billion parameters, scores in percent"),
  make("thead", null, headings), body);
  const problems = make("ul", { class: "cd-problems", "aria-live": "polite" });
  const addRow = make("button", { type: "button", click: () => {
    state.rows.push(emptyRow(state));
    build();
    body.lastElementChild.querySelector("input").focus();
  } }, "Add a model");
  const wide = make("button", { type: "button", "aria-pressed": "false", click: () => {
    const on = wide.getAttribute("aria-pressed") !== "true";
    wide.setAttribute("aria-pressed", String(on));
    root.classList.toggle("cd-five", on);
  } }, "All scores");
  const clear = make("button", { type: "button", click: () => {
    state = { ...state, family: "", rows: [emptyRow(state)] };
    tell("");
    further = [];
    build();
    body.querySelector("input").focus();
  } }, "Start empty");
  const pasted = make("textarea", { id: "cd-paste", rows: "5", spellcheck: "false",
    "aria-describedby": "cd-paste-note", placeholder: "model,family,params_b,hellaswag,truthfulqa_mc2" });
  const chosen = make("div", { class: "cd-choices" });
  const refusals = make("ul", { class: "cd-problems", "aria-live": "polite" });
  const opener = (/** @type {string} */ id, /** @type {Object<string, any>} */ kind) => {
    const input = make("input", { id: id, type: "file", multiple: true, ...kind, change: async () => {
      if (input.files.length) await takeFiles([...input.files].map((one) => ({ path: one.webkitRelativePath || one.name, file: one })));
      input.value = "";
    } });
    return input;
  };
  const file = opener("cd-file", { accept: ".csv,.tsv,.txt,.md,.json,.jsonl,.eval,text/csv,text/plain,application/json" });
  const folder = opener("cd-folder", { webkitdirectory: true });
  const paste = make("details", { class: "cd-paste" }, make("summary", null, "Paste or open scores"),
    make("label", { for: "cd-paste" }, "Table, with a header"), pasted,
    make("p", { id: "cd-paste-note", class: "cd-quiet" },
      "CSV, tab-separated or Markdown: model, family, params_b (billions), and scores in percent. Or open results of " +
      "lm-evaluation-harness or lighteval: a JSON file, several, or the folder that holds them. They may also be dropped on the page."),
    make("label", { for: "cd-file" }, "Files"), file, make("label", { for: "cd-folder" }, "Folder of results"), folder, refusals, chosen);
  pasted.addEventListener("input", () => {
    if (pasted.value.trim()) take(pasted.value, "the table");
    else {
      refusals.replaceChildren();
      chosen.replaceChildren();
    }
  });

  /** Files that were opened or dropped; those of one folder carry its name in their paths.
   * @param {{path: string, file: File}[]} list */
  async function takeFiles(list) {
    const inside = list.every(({ path }) => path.includes("/"));
    const given = await Promise.all(list.map(async ({ path, file: one }) => ({ name: inside ? path.slice(path.indexOf("/") + 1) : path,
      bytes: new Uint8Array(await one.arrayBuffer()) })));
    paste.open = true;
    // One file that is not of results is a table, whatever its name ends in.
    if (given.length === 1 && !inside && !DATA.results.suffixes.results.includes(suffixOf(given[0].name))) {
      const read = decode(given[0].bytes);
      if (read.problems) refuse(read.problems.map((one) => problemText(one, given[0].name)));
      else takeTable(read.text || "", given[0].name);
      return;
    }
    const name = inside ? list[0].path.slice(0, list[0].path.indexOf("/")) : "";
    takeReading(inside ? readFolder(given, name) : readGiven(given), given.length);
  }

  /** Files and folders that were dropped. @param {DataTransfer} carried */
  async function takeDropped(carried) {
    const entries = [...carried.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const files = [...carried.files].map((one) => ({ path: one.name, file: one }));
    const walk = async (/** @type {any} */ entry, /** @type {string} */ above) => {
      const path = above + entry.name;
      if (entry.isFile) return [{ path: path, file: await new Promise((done, fail) => { entry.file(done, fail); }) }];
      const reader = entry.createReader();
      const found = [];
      for (;;) {
        // A browser hands on the entries of a folder in parts.
        const part = await new Promise((done, fail) => { reader.readEntries(done, fail); });
        if (!part.length) break;
        for (const one of part) found.push(...await walk(one, path + "/"));
      }
      return found;
    };
    if (!entries.some((entry) => entry.isDirectory)) await takeFiles(files);
    else if (entries.length === 1) await takeFiles(await walk(entries[0], ""));
    else {
      paste.open = true;
      refuse(["drop one folder, or files alone"]);
    }
  }

  /** @param {string[]} list */
  function refuse(list) {
    say(list);
    chosen.replaceChildren();
  }

  /** @param {string[]} list what is wrong */
  function say(list) {
    const shown = list.slice(0, 12).map((one) => make("li", null, one));
    if (list.length > 12) shown.push(make("li", null, "... and " + (list.length - 12) + " more problems of this kind"));
    refusals.replaceChildren(...shown);
  }

  /** A text that was pasted, or the only table of a folder. @param {string} text @param {string} name */
  function take(text, name) {
    if (/^\s*[{[]/.test(text)) takeReading(readGiven([{ name: "the text.json", bytes: new TextEncoder().encode(text) }]), 1);
    else {
      const read = readText(text);
      if (read.problems.length) refuse(read.problems.map((one) => problemText(one, name)));
      else offer(read.models, read.columns, []);
    }
  }

  /** @param {string} text @param {string} name */
  function takeTable(text, name) {
    pasted.value = text;
    take(text, name);
  }

  /** What files or a folder hold. @param {Reading} read @param {number} files how many */
  function takeReading(read, files) {
    if (read.text !== undefined) {
      takeTable(read.text, read.table || "the table");
      return;
    }
    if (read.problems.length && !read.cells) {
      refuse(read.problems);
      return;
    }
    pasted.value = "";
    if (read.cells) {
      // All but a size or a family is known, and those can be typed.
      const { header, rows } = read.cells;
      const models = typed(read.cells).map((model, i) => ({ ...model, params_b: rows[i][header.indexOf("params_b")] === "" ? NaN
        : model.params_b }));
      // Names that tell no size seldom tell a family: where each would be alone, they stand in the form together.
      const alone = new Set(models.map((model) => model.family)).size === models.length;
      offer(alone ? models.map((model) => ({ ...model, family: "" })) : models, columnsOf(header), read.notes);
      say([...read.problems, "The scores were read; type the missing size, and a name for the family, in the form."]);
      return;
    }
    offer(read.models, read.columns, read.notes, "Read " + files + (files === 1 ? " file: " : " files: ") + read.models.length +
      (read.models.length === 1 ? " model. " : " models. "));
  }

  /** Put one family of a table in the form, and offer the others. @param {Model[]} models @param {string[]} columns
   * @param {string[]} notes @param {string} [before] what is said first */
  function offer(models, columns, notes, before) {
    refusals.replaceChildren();
    const families = [...new Set(models.map((model) => model.family))];
    const put = (/** @type {string} */ which) => {
      const all = models.filter((model) => model.family === which);
      const have = scoredOf([...DATA.columns, ...columns]).filter((name) => all.some((model) => scoreOf(model, name) !== null));
      further = notes;
      const use = have.includes(state.x) && have.includes(state.y) || have.length < 2 ? [state.x, state.y] : have.slice(0, 2);
      // A table without one of the pair leaves it in the form, so that what is missing has a column.
      const more = use.filter((name) => !DATA.columns.includes(name) && !columns.includes(name)
        && Object.prototype.hasOwnProperty.call(DATA.benchmarks, name));
      const every = [...new Set([...DATA.columns, ...columns, ...more])];
      const pair = use.every((name) => scoredOf(every).includes(name)) ? use : DATA.pair;
      state = { x: pair[0], y: pair[1], family: which, columns: every, rows: rowsOf(all.slice(0, DATA.most), every) };
      state.rows.forEach((row) => { if (row[1] === "NaN") row[1] = ""; });
      tell((before || "") + (which || "A family without a name") + " stands in the form, " + Math.min(all.length, DATA.most) + " models" +
        (all.length > DATA.most ? "; the other " + (all.length - DATA.most) + " are left out, for it takes " + DATA.most : "") + ".");
      load.select.value = "";
      build();
    };
    chosen.replaceChildren(...(families.length > 1 ? [make("p", null, "There are " + families.length + " families; choose one:"),
      ...families.map((which) => make("button", { type: "button", click: () => put(which) }, which || "without a name"))] : []));
    put(families[0]);
  }

  /** @param {string} value panel/family */
  function loadFamily(value) {
    const which = /** @type {"open"|"paper"} */ (value.split("/", 1)[0]);
    const name = value.slice(which.length + 1);
    const rows = panelFamily(which, name);
    // The book's own benchmarks stay; the reader's, and how theirs were measured, are not the panel's.
    const columns = state.columns.filter((column) => Object.prototype.hasOwnProperty.call(DATA.benchmarks, column));
    const pair = columns.includes(state.x) && columns.includes(state.y) ? [state.x, state.y] : DATA.pair;
    state = { x: pair[0], y: pair[1], family: name, columns: columns, rows: rowsOf(rows, columns, true) };
    further = [];
    tell(name + " stands in the form, " + rows.length + (rows.length === 1 ? " model." : " models."));
    load.select.value = value;
    build();
  }

  // Benchmarks beside the five: the book's others, and the reader's own

  const field = (/** @type {string} */ id, /** @type {string} */ words, /** @type {any} */ input) => make("div", { class: "cd-field" },
    make("label", { for: id }, words), input);
  const typedField = (/** @type {string} */ id, /** @type {string|null} */ mode) => make("input", { id: id, type: "text", inputmode: mode,
    autocomplete: "off", spellcheck: "false" });
  const which = make("select", { id: "cd-add", change: () => { ownFields.hidden = which.value !== ""; } });
  const ownName = typedField("cd-own-name", null);
  const ownItems = typedField("cd-own-items", "numeric");
  const ownChance = typedField("cd-own-chance", "decimal");
  const ownFields = make("div", { class: "cd-own-fields" }, field("cd-own-name", "Name", ownName),
    field("cd-own-items", "Test items", ownItems), field("cd-own-chance", "A guesser\u2019s score, %", ownChance));
  const addProblem = make("ul", { class: "cd-problems", "aria-live": "polite" });
  const addedList = make("ul", { class: "cd-added" });
  const adder = make("details", { class: "cd-adder" }, make("summary", null, "Add a benchmark"), field("cd-add", "Benchmark", which),
    ownFields, make("div", { class: "cd-buttons" }, make("button", { type: "button", click: () => addBenchmark() }, "Add it")), addProblem,
    addedList);

  /** Add what is chosen, or say what is wrong with it in the words of a table's check. */
  function addBenchmark() {
    const name = which.value || ownName.value.trim();
    const cells = which.value ? { [name]: "" } : { [name]: "", [name + "_items"]: ownItems.value.trim(), [name + "_chance"]: ownChance.value.trim() };
    const words = which.value ? [] : ownProblems(name, cells);
    addProblem.replaceChildren(...words.map((one) => make("li", null, one)));
    if (words.length) return;
    state = withColumns(state, cells);
    // The new benchmark is what the reader wants to see, so it becomes the second of the pair.
    if (state.x !== name) state.y = name;
    [ownName, ownItems, ownChance].forEach((input) => { input.value = ""; });
    tell(benchmarkTitle(name) + " is the second of the pair; type its scores.");
    build();
    body.querySelector('[data-cell="' + (state.columns.indexOf(name) + 2) + '"]')?.focus();
  }

  /** @param {string} name @param {Object<string, string>} cells @returns {string[]} */
  function ownProblems(name, cells) {
    const columns = Object.keys(cells);
    if (state.columns.includes(name)) return ["There is a column " + quoted(name) + " already."];
    if (ownNames(columns)[0] !== name || fieldsOf(columns).size === FIELDS.size) {
      return [quoted(name) + " cannot be the name of a column of its own: a letter first, then letters, digits, hyphens, points or " +
        "underscores, at most 40, and no benchmark of the book."];
    }
    const fields = fieldsOf(columns);
    return columns.slice(1).map((column) => [column, cellFault(fields.get(column), cells[column], MISSING)]).filter(([, words]) => words)
      .map(([column, words]) => column + ": " + (cells[column] ? "got " + quoted(cells[column]) + "; " : "") + words);
  }

  /** What may be added, and what has been. */
  function showAdded() {
    const before = which.value;
    const rest = Object.keys(DATA.benchmarks).filter((name) => !state.columns.includes(name));
    which.replaceChildren(...rest.map((name) => make("option", { value: name }, benchmarkTitle(name))),
      make("option", { value: "" }, "one of your own"));
    which.value = [...rest, ""].includes(before) && before ? before : rest.find((name) => name === DATA.add) || "";
    ownFields.hidden = which.value !== "";
    const own = ownNames(state.columns);
    addedList.replaceChildren(...scoredOf(state.columns).filter((name) => !DATA.columns.includes(name)).map((name) => {
      const known = (/** @type {string} */ end) => [...new Set(state.rows.map((row) => row[state.columns.indexOf(name + end) + 2]))].join(" / ");
      const about = own.includes(name) ? known("_items") + " test items, a guesser scores " + known("_chance") + "%"
        : (Number.isNaN(benchmark(name).items) ? "test items not stated" : general(benchmark(name).items) + " test items") +
          ", a guesser scores " + general(benchmark(name).chance) + "%";
      return make("li", null, benchmarkTitle(name) + ": " + about + " ", make("button", { type: "button", class: "cd-out",
        "aria-label": "Take out " + benchmarkTitle(name), click: () => {
          state = withoutColumn(state, name);
          build();
          adder.querySelector("summary").focus();
        } }, "\u00d7"));
    }));
  }

  /** The table anew, where rows or columns come or go. */
  function build() {
    family.value = state.family;
    [{ one: xs, value: state.x }, { one: ys, value: state.y }].forEach(({ one, value }) => {
      one.select.replaceChildren(...scoredOf(state.columns).map((name) => make("option", { value: name }, benchmarkTitle(name))));
      one.select.value = value;
    });
    showAdded();
    const blank = emptyRow(state);
    const cells = [["Model", 0, null], ["Billions", 1, null],
      ...scoredOf(state.columns).map((name) => [benchmarkTitle(name), state.columns.indexOf(name) + 2, name])];
    headings.replaceChildren(...cells.map(([words, , name]) => make("th", { scope: "col", "data-column": name }, String(words))),
      make("th", { scope: "col" }, make("span", { class: "cd-hidden" }, "Take out")));
    body.replaceChildren(...state.rows.map((row, i) => make("tr", null,
      ...cells.map(([words, j, name]) => {
        const ran = row[state.columns.indexOf(name + "_items") + 2];
        const input = make("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": words + ", row " + (i + 1),
          inputmode: j ? "decimal" : null, "data-row": i, "data-cell": j, title: j ? (name && ran ? ran + " test items" : null) : row[j] });
        input.value = row[j];
        return make("td", { "data-column": name }, input);
      }),
      make("td", null, make("button", { type: "button", class: "cd-out", "aria-label": "Take out row " + (i + 1), click: () => {
        state.rows.splice(i, 1);
        if (!state.rows.length) state.rows.push(blank);
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
      const column = String(one.column).replace(/_(?:items|chance)$/, "");
      const at = state.columns.indexOf(column);
      const cell = one.column === "params_b" ? 1 : at < 0 ? 0 : at + 2;
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
    const cell = state.columns.indexOf(name) + 2;
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
      make("div", { class: "cd-scroll" }, table), problems, make("div", { class: "cd-buttons" }, addRow, wide, clear), adder,
      make("p", { class: "cd-quiet" }, "In a score, the arrow keys up and down move it by a tenth, with Shift by one."), paste),
    state: () => state,
    further: () => further,
    select: (/** @type {string} */ value) => { load.select.value = value; },
    build: build, loadFamily: loadFamily, replace: replace, setScore: setScore, show: show, takeDropped: takeDropped, tell: tell,
  };
}
