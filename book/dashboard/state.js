// What stands in the form, the link that holds it, and the table and the command that say the same elsewhere.

/** @typedef {{x: string, y: string, family: string, rows: string[][]}} State  A row: model, billions, then the five scores. */

const LINK_MARK = "#cape1;";

/** @param {State} state @returns {string} */
function toLink(state) {
  const parts = [state.x, state.y, state.family].map(encodeURIComponent);
  state.rows.forEach((row) => parts.push(row.map(encodeURIComponent).join(",")));
  return LINK_MARK + parts.join(";");
}

/** @param {string} hash @returns {{state?: State, words?: string}} neither where the address holds no state */
function fromLink(hash) {
  if (!/^#cape\d+;/.test(hash)) return {};
  if (!hash.startsWith(LINK_MARK)) return { words: "This link was made by another version of this page, and cannot be read." };
  const broken = { words: "This link is damaged, and cannot be read; ask for it anew." };
  try {
    const parts = hash.slice(LINK_MARK.length).split(";");
    const [x, y, family] = parts.slice(0, 3).map(decodeURIComponent);
    const rows = parts.slice(3).map((row) => row.split(",").map(decodeURIComponent));
    const width = DATA.columns.length + 2;
    if (!DATA.columns.includes(x) || !DATA.columns.includes(y) || !rows.length || rows.length > DATA.most
      || rows.some((row) => row.length !== width)) return broken;
    return { state: { x: x, y: y, family: family, rows: rows } };
  } catch (error) {
    return broken;
  }
}

/** @param {State} state @returns {string} */
function familyName(state) {
  return state.family.trim() || "yours";
}

/** Rows in which something is typed, as the cells of a table. @param {State} state @returns {{cells: Cells, places: number[]}} */
function cellsOf(state) {
  const places = state.rows.map((_, i) => i).filter((i) => state.rows[i].some((cell) => cell.trim()));
  const rows = places.map((i) => {
    const [model, size, ...scores] = state.rows[i].map((cell) => cell.trim());
    return [model, familyName(state), size, ...scores];
  });
  return { cells: { header: ["model", "family", "params_b", ...DATA.columns], rows: rows, lines: places.map((_, i) => i + 2) },
    places: places };
}

/** @param {State} state @returns {string} */
function toCsv(state) {
  const { cells } = cellsOf(state);
  const used = cells.header.map((name, i) => i < 3 || cells.rows.some((row) => row[i]));
  const line = (/** @type {string[]} */ row) => row.filter((_, i) => used[i])
    .map((cell) => (/[",;\t\r\n]/.test(cell) ? '"' + cell.replace(/"/g, '""') + '"' : cell)).join(",");
  return [cells.header, ...cells.rows].map(line).join("\n") + "\n";
}

/** @param {State} state @returns {string} */
function toCommand(state) {
  return "cape diagnose scores.csv --x " + state.x + " --y " + state.y;
}

/** A number as it is typed. @param {number|null} value @returns {string} */
function cellText(value) {
  return value === null ? "" : String(value);
}

/** The rows of a form from checked models. @param {Model[]} models @param {boolean} [bare] without the accounts that models
 * are published under @returns {string[][]} */
function rowsOf(models, bare) {
  return models.map((model) => [bare ? withoutAccount(model.model) : model.model, cellText(model.params_b), ...DATA.columns.map((name) => cellText(model.scores[name]))]);
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
