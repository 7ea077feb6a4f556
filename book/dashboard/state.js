// What stands in the form, the link that holds it, and the table and the command that say the same elsewhere.

/** @typedef {{x: string, y: string, family: string, columns: string[], rows: string[][]}} State  Columns as in a table of scores: the
 *  five, those that the reader adds, and what is known of how each score was measured; a row: model, billions, then a cell for each. */

const LINK_MARK = "#cape2;";
const FIRST_MARK = "#cape1;"; // held the five columns alone

/** @param {State} state @returns {string} */
function toLink(state) {
  const list = (/** @type {string[]} */ cells) => cells.map(encodeURIComponent).join(",");
  return LINK_MARK + [...[state.x, state.y, state.family].map(encodeURIComponent), list(state.columns), ...state.rows.map(list)].join(";");
}

/** @param {string} hash @returns {{state?: State, words?: string}} neither where the address holds no state */
function fromLink(hash) {
  if (!/^#cape\d+;/.test(hash)) return {};
  const first = hash.startsWith(FIRST_MARK);
  if (!first && !hash.startsWith(LINK_MARK)) {
    return { words: "This link was made by another version of this page, and cannot be read." };
  }
  const broken = { words: "This link is damaged, and cannot be read; ask for it anew." };
  try {
    const list = (/** @type {string} */ part) => part.split(",").map(decodeURIComponent);
    const parts = hash.slice(LINK_MARK.length).split(";");
    const [x, y, family] = parts.slice(0, 3).map(decodeURIComponent);
    const columns = first ? [...DATA.columns] : list(parts[3]);
    const rows = parts.slice(first ? 3 : 4).map(list);
    const scored = scoredOf(columns);
    if (!scored.includes(x) || !scored.includes(y) || !DATA.columns.every((name) => columns.includes(name))
      || headerProblems(["model", "family", "params_b", ...columns], fieldsOf(columns)).length
      || !rows.length || rows.length > DATA.most || rows.some((row) => row.length !== columns.length + 2)) return broken;
    return { state: { x: x, y: y, family: family, columns: columns, rows: rows } };
  } catch (error) {
    return broken;
  }
}

/** Benchmarks among the columns of a table, in their order. @param {string[]} columns @returns {string[]} */
function scoredOf(columns) {
  const own = ownNames(columns);
  return columns.filter((name) => own.includes(name) || Object.prototype.hasOwnProperty.call(DATA.benchmarks, name));
}

/** @param {State} state @returns {string[]} a row without a model; what is said of the reader's own benchmarks holds for every row */
function emptyRow(state) {
  const own = ownNames(state.columns).flatMap((name) => DECLARED_BY.map((end) => name + end));
  return ["", "", ...state.columns.map((name, i) => (own.includes(name) && state.rows.length ? state.rows[0][i + 2] : ""))];
}

/** The state with benchmarks as a table has them: for one of the reader's own its items and its chance level. @param {State} state
 * @param {Object<string, string>} cells by column, the same in every row @returns {State} */
function withColumns(state, cells) {
  const more = Object.keys(cells).filter((name) => !state.columns.includes(name));
  return { ...state, columns: [...state.columns, ...more], rows: state.rows.map((row) => [...row, ...more.map((name) => cells[name])]) };
}

/** The state without a benchmark and what stands beside it. @param {State} state @param {string} name @returns {State} */
function withoutColumn(state, name) {
  const out = [name, ...BESIDE.map((end) => name + end)];
  const keep = state.columns.map((column) => !out.includes(column));
  const columns = state.columns.filter((_, i) => keep[i]);
  const pair = scoredOf(columns);
  const [x, y] = [state.x, state.y].map((one) => (pair.includes(one) ? one : pair.find((other) => ![state.x, state.y].includes(other))));
  return { ...state, x: x || pair[0], y: y || pair[1], columns: columns,
    rows: state.rows.map((row) => [...row.slice(0, 2), ...row.slice(2).filter((_, i) => keep[i])]) };
}

/** @param {State} state @returns {string} */
function familyName(state) {
  return state.family.trim() || "yours";
}

/** Rows in which something is typed, as the cells of a table. @param {State} state @returns {{cells: Cells, places: number[]}} */
function cellsOf(state) {
  const scored = scoredOf(state.columns);
  const typedIn = [true, true, ...state.columns.map((name) => scored.includes(name))];
  const places = state.rows.map((_, i) => i).filter((i) => state.rows[i].some((cell, j) => typedIn[j] && cell.trim()));
  const rows = places.map((i) => {
    const [model, size, ...scores] = state.rows[i].map((cell) => cell.trim());
    return [model, familyName(state), size, ...scores];
  });
  return { cells: { header: ["model", "family", "params_b", ...state.columns], rows: rows, lines: places.map((_, i) => i + 2) },
    places: places };
}

/** @param {State} state @returns {string} */
function toCsv(state) {
  const { cells } = cellsOf(state);
  const filled = (/** @type {string} */ name) => cells.rows.some((row) => row[cells.header.indexOf(name)]);
  // What stands beside a benchmark goes with it; one of the pair stays, so that it is missed in the same words.
  const own = ownNames(state.columns).filter((name) => filled(name) || name === state.x || name === state.y);
  const used = cells.header.map((name, i) => {
    const declares = ownNames(state.columns).find((one) => name === one || BESIDE.some((end) => name === one + end));
    return i < 3 || (declares ? own.includes(declares) && (name === declares || filled(name)) : filled(name));
  });
  const line = (/** @type {string[]} */ row) => row.filter((_, i) => used[i])
    .map((cell) => (/[",;\t\r\n]/.test(cell) ? '"' + cell.replace(/"/g, '""') + '"' : cell)).join(",");
  return [cells.header, ...cells.rows].map(line).join("\n") + "\n";
}

/** @param {State} state @returns {string} */
function toCommand(state) {
  const ladder = checkState(state).models.filter((model) => hasPair(model, state.x, state.y));
  const mixed = ladder.length > 1 && differingConditions(ladder, familyName(state), state.x, state.y);
  return "cape diagnose scores.csv --x " + state.x + " --y " + state.y + (mixed ? " --mixed" : "");
}

/** A number as it is typed. @param {number|null|undefined} value @returns {string} */
function cellText(value) {
  return value === null || value === undefined ? "" : String(value);
}

/** The rows of a form from checked models. @param {Model[]} models @param {string[]} columns @param {boolean} [bare] without the
 * accounts that models are published under @returns {string[][]} */
function rowsOf(models, columns, bare) {
  const beside = (/** @type {Model} */ model, /** @type {string} */ name) => {
    const of = name.slice(0, name.lastIndexOf("_"));
    if (name.endsWith("_items")) return cellText(model.items && model.items[of]);
    if (name.endsWith("_chance")) return cellText(model.chance && model.chance[of]);
    return (model.how && model.how[name]) || "";
  };
  return models.map((model) => [bare ? withoutAccount(model.model) : model.model, cellText(model.params_b),
    ...columns.map((name) => (name in model.scores ? cellText(model.scores[name]) : beside(model, name)))]);
}

/** A family of a panel: its one recipe, or all its rows where there is no such row. @param {"open"|"paper"} which
 * @param {string} family */
function panelFamily(which, family) {
  const all = (which === "open" ? OPEN : PAPER).filter((row) => row.family === family);
  const one = all.filter((row) => row.one_recipe);
  return (one.length ? one : all).slice(0, DATA.most);
}

/** The form's rows checked as a table; a row with a fault is left out until it is mended. @param {State} state
 * @returns {{models: Model[], problems: (Problem & {place: number|null})[], left: string[]}} */
function checkState(state) {
  const { cells, places } = cellsOf(state);
  if (!cells.rows.length) return { models: [], problems: [], left: [] };
  const first = checkCells(cells);
  const at = (/** @type {number|null} */ line) => (line === null ? null : places[cells.lines.indexOf(line)]);
  const problems = first.problems.map((one) => ({ ...one, place: at(one.row) }));
  if (!problems.length) return { models: first.models, problems: [], left: [] };
  let kept = { ...cells };
  let found = first;
  // Checks come in stages, as in the package; what is wrong at one stage hides the next.
  while (found.problems.length && kept.rows.length) {
    const bad = new Set(found.problems.map((one) => one.row));
    const good = kept.lines.map((line, i) => i).filter((i) => !bad.has(kept.lines[i]));
    if (good.length === kept.rows.length) return { models: [], problems: problems, left: [] };
    kept = { header: kept.header, rows: good.map((i) => kept.rows[i]), lines: good.map((i) => kept.lines[i]) };
    if (kept.rows.length) found = checkCells(kept);
    found.problems.forEach((one) => {
      if (!problems.some((old) => old.row === one.row)) problems.push({ ...one, place: at(one.row) });
    });
  }
  const left = cells.lines.filter((line) => !kept.lines.includes(line)).map((line) => cells.rows[cells.lines.indexOf(line)][0]
    || "line " + line);
  return { models: kept.rows.length ? found.models : [], problems: problems, left: left };
}
