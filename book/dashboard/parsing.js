// A reader's table: split into cells, checked, and refused in the words of the package. Mirrors cape_utils/data: schema,
// user_scores and model_names.

/** @typedef {{row: number|null, column: string|null, value: string|null, allowed: string}} Problem */
/** @typedef {{model: string, family: string, params_b: number, line: number, scores: Object<string, number|null>,
 *  items?: Object<string, number>, chance?: Object<string, number>, how?: Object<string, string>}} Model  Items that ran; the
 *  chance levels of the reader's own benchmarks; how it was measured, by column. */
/** @typedef {{header: string[], rows: string[][], lines: number[]}} Cells */

/** @param {number|null} row @param {string|null} column @param {string|null} value @param {string} allowed @returns {Problem} */
function problem(row, column, value, allowed) {
  return { row: row, column: column, value: value, allowed: allowed };
}

/** @param {Problem} found @param {string} table @returns {string} */
function problemText(found, table) {
  let place = table;
  if (found.row !== null) place += ", line " + found.row;
  if (found.column !== null) place += ", column " + quoted(found.column);
  return place + ":" + (found.value === null ? "" : " got " + quoted(found.value) + ";") + " " + found.allowed;
}

/** @typedef {{title: string, chance: number, items: number, cautions: Object<string, string>}} Benchmark */

/** @param {string} title @param {number} chance @param {number|null} items @returns {Benchmark} */
function benchmarkOf(title, chance, items) {
  const cautions = /** @type {Object<string, string>} */ ({});
  Object.entries(DATA.warnings.words).forEach(([kind, words]) => {
    cautions[kind] = words.replace("{title}", title).replace("{chance}", general(chance));
  });
  return { title: title, chance: chance, items: items === null ? NaN : items, cautions: cautions };
}

Object.entries(DATA.benchmarks).forEach(([name, known]) => {
  DATA.benchmarks[name] = benchmarkOf(known.title, known.chance, known.items);
});

/** Benchmarks of the reader's own, as the models brought them that were read or answered last. @type {Map<string, Benchmark>} */
const OWN = new Map();

/** @param {Model[]} models */
function learnOwn(models) {
  OWN.clear();
  models.forEach((model) => Object.entries(model.chance || {}).forEach(([name, chance]) => {
    // Items stand with each model, for a run may have been cut short.
    if (!OWN.has(name)) OWN.set(name, benchmarkOf(name, chance, null));
  }));
}

/** What is known of a benchmark: of the book, or the reader's own. @param {string} name @returns {Benchmark} */
function benchmark(name) {
  return (Object.prototype.hasOwnProperty.call(DATA.benchmarks, name) ? DATA.benchmarks[name] : OWN.get(name))
    || benchmarkOf(name, NaN, null);
}

/** @param {string} name of a benchmark; one of the reader's own is its title */
function benchmarkTitle(name) {
  return benchmark(name).title;
}

/** A score, null where there is none. @param {{scores: Object<string, number|null>}} model @param {string} name */
function scoreOf(model, name) {
  const score = model.scores[name];
  return score === undefined ? null : score;
}

/** Test items behind a model's score: those that ran, else the benchmark's. @param {Model} model @param {string} name */
function itemsOf(model, name) {
  const ran = model.items && model.items[name];
  return ran === undefined ? benchmark(name).items : ran;
}

/** Benchmarks that hold a score, in the order of the book, then the reader's own. @param {Model[]} models */
function benchmarksOf(models) {
  return [...Object.keys(DATA.benchmarks), ...OWN.keys()].filter((name) => models.some((model) => scoreOf(model, name) !== null));
}

const OWN_NAME = new RegExp("^(?:" + DATA.schema.own_name + ")$");
const DECLARED_BY = ["_items", "_chance"];
const BESIDE = [...DECLARED_BY, ...DATA.schema.beside.map((name) => "_" + name)];

/** Benchmarks of the reader's own that a header declares. @param {string[]} header @returns {string[]} */
function ownNames(header) {
  return [...new Set(header)].filter((name) => DECLARED_BY.some((end) => header.includes(name + end))
    && !Object.prototype.hasOwnProperty.call(DATA.benchmarks, name) && OWN_NAME.test(name) && !BESIDE.some((end) => name.endsWith(end)));
}

/** Fields by name: those of the schema, and of benchmarks that a header declares. @param {string[]} header */
function fieldsOf(header) {
  const fields = new Map(FIELDS);
  ownNames(header).forEach((own) => {
    const name = own.toLowerCase();
    if (FIELDS.has(name) || Object.prototype.hasOwnProperty.call(DATA.schema.aliases, name)) return;
    DATA.schema.own.forEach((field) => fields.set(field.name.replace("NAME", own), { ...field, name: field.name.replace("NAME", own),
      description: field.description.replace("NAME", own) }));
  });
  return fields;
}

const FIELDS = new Map(DATA.schema.fields.map((field) => [field.name, field]));
const MISSING = new Set(DATA.schema.missing);
const WHOLE_NUMBER = new RegExp("^(?:" + DATA.schema.integer + ")$");
const ANY_NUMBER = new RegExp("^(?:" + DATA.schema.number + ")$");

/** Text of a file. @param {Uint8Array} bytes @returns {{text?: string, problems?: Problem[]}} */
function decode(bytes) {
  if (!bytes.some((b) => b > 32)) {
    return { problems: [problem(null, null, null, "the file is empty; a header line and rows are needed")] };
  }
  const archive = (bytes[0] === 0x50 && bytes[1] === 0x4b) || (bytes[0] === 0xd0 && bytes[1] === 0xcf);
  if (archive || bytes.slice(0, 4096).includes(0)) {
    const remedy = "this is a spreadsheet or another binary file; save it as CSV (comma separated, UTF-8)";
    return { problems: [problem(null, null, null, remedy)] };
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    const remedy = "the file is not UTF-8; save the file with the encoding UTF-8";
    return { problems: [problem(null, null, null, remedy)] };
  }
}

/** A Markdown table as cells, null where the text is none. @param {string} text @returns {Cells|null} */
function splitMarkdown(text) {
  const all = text.split(/\r\n|\n|\r/);
  const rule = all.findIndex((line, i) => i > 0 && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(line) && line.includes("-")
    && all[i - 1].includes("|"));
  if (rule < 1) return null;
  const cut = (/** @type {string} */ line) => line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1")
    .split(/(?<!\\)\|/).map((cell) => cell.replace(/\\\|/g, "|").trim());
  /** @type {Cells} */
  const found = { header: cut(all[rule - 1]), rows: [], lines: [] };
  for (let i = rule + 1; i < all.length && all[i].includes("|"); i += 1) {
    found.rows.push(cut(all[i]));
    found.lines.push(i + 1);
  }
  return found;
}

/** Text with commas, semicolons or tabs as cells. @param {string} text @returns {Cells|{problems: Problem[]}} */
function split(text) {
  const first = text.replace(/^[\r\n]+/, "").split("\n", 1)[0];
  const known = (/** @type {string} */ mark) => first.split(mark)
    .filter((cell) => FIELDS.has(cell.trim().replace(/^"+|"+$/g, ""))).length;
  const separator = [",", ";", "\t"].reduce((best, mark) => (known(mark) > known(best) ? mark : best));
  /** @type {Cells} */
  const found = { header: [], rows: [], lines: [] };
  let line = 1;
  let cells = [];
  let cell = "";
  let state = "start"; // of a record; then field, inside (quotation marks), closed (after them), next (a field begins)
  const fault = (/** @type {string} */ words) => ({
    problems: [problem(line, null, null, "the line cannot be split into cells (" + words +
      "); look for a quotation mark without its twin")],
  });
  const record = () => {
    if (!found.header.length) found.header = cells.map((one) => one.trim());
    else {
      found.rows.push(cells.map((one) => one.trim()));
      found.lines.push(line);
    }
    cells = [];
  };
  for (const char of text.replace(/\r\n?/g, "\n")) {
    if (state === "inside") {
      if (char === '"') state = "closed";
      else cell += char;
    } else if (char === "\n") {
      if (state !== "start") {
        cells.push(cell);
        record();
      }
      cell = "";
      state = "start";
    } else if (state === "closed" && char === '"') {
      cell += char;
      state = "inside";
    } else if (char === separator) {
      cells.push(cell);
      cell = "";
      state = "next";
    } else if (state === "closed") {
      return fault("'" + separator + "' expected after '\"'");
    } else if (char === '"' && state !== "field") {
      state = "inside";
    } else {
      cell += char;
      state = "field";
    }
    if (char === "\n") line += 1;
  }
  if (state === "inside") {
    if (text.endsWith("\n")) line -= 1;
    return fault("unexpected end of data");
  }
  if (state !== "start") {
    cells.push(cell);
    record();
  }
  return found;
}

/** Ratio of matching characters of two words, as difflib has it. @param {string} a @param {string} b @returns {number} */
function likeness(a, b) {
  const matched = (/** @type {number[]} */ span) => {
    const [alo, ahi, blo, bhi] = span;
    let best = [alo, blo, 0];
    let before = new Map();
    for (let i = alo; i < ahi; i += 1) {
      const now = new Map();
      for (let j = blo; j < bhi; j += 1) {
        if (a[i] !== b[j]) continue;
        const length = (before.get(j - 1) || 0) + 1;
        now.set(j, length);
        if (length > best[2]) best = [i - length + 1, j - length + 1, length];
      }
      before = now;
    }
    const [i, j, length] = best;
    if (!length) return 0;
    return length + matched([alo, i, blo, j]) + matched([i + length, ahi, j + length, bhi]);
  };
  return (2 * matched([0, a.length, 0, b.length])) / (a.length + b.length || 1);
}

/** @param {string} word @param {string[]} known @returns {string} the closest, empty where none is close */
function closest(word, known) {
  let best = "";
  let most = 0.6;
  known.forEach((name) => {
    const ratio = likeness(name, word);
    if (ratio > most || (ratio === most && name > best)) {
      best = name;
      most = ratio;
    }
  });
  return best;
}

/** @param {string[]} header @param {Map<string, any>} fields @param {boolean} [plain] without the names that have no single meaning
 * @returns {Problem[]} */
function headerProblems(header, fields, plain) {
  const found = [];
  header.forEach((name, position) => {
    const alias = !plain && Object.prototype.hasOwnProperty.call(DATA.schema.aliases, name.toLowerCase())
      && DATA.schema.aliases[name.toLowerCase()];
    if (!name) {
      found.push(problem(1, null, "", "column " + (position + 1) + " has no name; name it or take it out"));
    } else if (alias) {
      found.push(problem(1, name, name, alias));
    } else if (!fields.has(name)) {
      const known = [...fields.values()].filter((field) => field.listed).map((field) => field.name);
      const close = closest(name.toLowerCase().replace(/-/g, "_").replace(/ /g, "_"), known);
      found.push(problem(1, name, name, (close ? "did you mean " + quoted(close) + "? " : "") + "known columns are " +
        known.join(", ") + "; rename it or take it out"));
    }
  });
  const twice = new Set(header.filter((name, i) => name && header.indexOf(name) !== i));
  [...twice].sort().forEach((name) => found.push(problem(1, name, name, "the column stands twice; keep one")));
  fields.forEach((field, name) => {
    if (field.required && !header.includes(name)) {
      found.push(problem(1, name, null, "the column is missing; it holds: " + field.description));
    }
  });
  return found;
}

/** What is wrong with a cell, empty where nothing is. @param {any} field @param {string} cell @param {Set<string>} missing
 * @returns {string} */
function cellFault(field, cell, missing) {
  if (missing.has(cell)) return field.required ? "a value is needed: " + field.description : "";
  if (field.type === "string") return "";
  const form = field.type === "integer" ? WHOLE_NUMBER : ANY_NUMBER;
  const low = field.minimum === null ? -Infinity : field.minimum;
  const high = field.maximum === null ? Infinity : field.maximum;
  if (form.test(cell) && low <= Number(cell) && Number(cell) <= high) return "";
  return field.allowed + cellRemedy(field, cell);
}

/** @param {any} field @param {string} cell @returns {string} */
function cellRemedy(field, cell) {
  const bare = cell.trim().replace(/%+$/, "").trim();
  if (cell.trim().endsWith("%")) return "; write " + bare + ", without the percent sign";
  if (bare.split(",").length === 2 && /^-*\d+$/.test(bare.replace(",", ""))) {
    return "; write a decimal point, " + bare.replace(",", ".");
  }
  if (field.name === "params_b") {
    const count = bare.replace(/[,_]/g, "");
    if (ANY_NUMBER.test(count) && Number(count) > field.maximum) {
      return "; this looks like a raw count, write " + general(Number(count) / 1e9);
    }
    return "; write the number of billions alone, such as 7 or 0.41";
  }
  return !field.required && !ANY_NUMBER.test(bare) ? "; leave the cell empty for a missing value" : "";
}

/** @param {Cells} cells @param {Map<string, any>} fields @param {Set<string>} missing @returns {Problem[]} */
function cellProblems(cells, fields, missing) {
  const found = [];
  const whole = new Set();
  const at = new Set();
  cells.rows.forEach((row, i) => {
    const line = cells.lines[i];
    if (!row.some((cell) => cell)) {
      found.push(problem(line, null, null, "the row is empty; fill it in or take it out"));
      whole.add(line);
    } else if (row.length !== cells.header.length) {
      found.push(problem(line, null, null, "the row has " + row.length + " cells where the header has " +
        cells.header.length + "; look for a missing or extra separator"));
      whole.add(line);
    }
  });
  cells.header.forEach((name, place) => {
    cells.rows.forEach((row, i) => {
      const line = cells.lines[i];
      const words = whole.has(line) ? "" : cellFault(fields.get(name), row[place], missing);
      if (!words) return;
      found.push(problem(line, name, row[place], words));
      at.add(line + " " + name);
    });
  });
  const place = cells.header.indexOf("model");
  const seen = new Set();
  cells.rows.forEach((row, i) => {
    const line = cells.lines[i];
    if (place >= row.length) return;
    if (seen.has(row[place]) && !missing.has(row[place]) && !whole.has(line) && !at.has(line + " model")) {
      found.push(problem(line, "model", row[place], "it stands in another row too; each row needs its own name"));
    }
    seen.add(row[place]);
  });
  const key = (/** @type {Problem} */ one) => one.column || "";
  return found.sort((a, b) => (a.row || 0) - (b.row || 0) || (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** Whether a model's score is 1 or less where every model of the open panel that scores alike has far more.
 * @param {Model[]} models @param {string} name */
function farBelowThePanel(models, name) {
  const alike = DATA.alike;
  const far = (/** @type {Model} */ model, /** @type {string} */ other) => {
    const near = OPEN.filter((row) => row.scores[other] !== null && scoreOf(model, other) !== null
      && Math.abs(row.scores[other] - Number(model.scores[other])) <= alike.pp && row.scores[name] !== null).map((row) => row.scores[name]);
    return near.length >= alike.fewest && Math.min(...near) >= alike.least;
  };
  return DATA.panel_columns.includes(name) && models.some((model) => Number(model.scores[name]) > 0 && Number(model.scores[name]) <= 1
    && alike.by.some((other) => far(model, other)));
}

/** Scores that look like fractions. @param {Model[]} models @param {string[]} columns @returns {Problem[]} */
function fractionProblems(models, columns) {
  const found = [];
  columns.filter((name) => benchmark(name).chance >= 20).forEach((name) => {
    models.forEach((model) => {
      const value = model.scores[name];
      if (value === null || !(value > 0 && value <= 1)) return;
      found.push(problem(model.line, name, general(value), "scores are in percent and this looks like a fraction; " +
        "multiply by 100 to " + general(value * 100)));
    });
  });
  const low = columns.filter((name) => {
    const given = models.map((model) => model.scores[name]).filter((value) => value !== null);
    return benchmark(name).chance < 20 && given.length && given.every((value) => Number(value) <= 1);
  });
  if (found.length) {
    low.forEach((name) => found.push(problem(null, name, null,
      "the other columns hold fractions, so this one probably does too; multiply by 100")));
    return found;
  }
  low.filter((name) => farBelowThePanel(models, name)).forEach((name) => models.forEach((model) => {
    if (model.scores[name] === null) return;
    found.push(problem(model.line, name, general(Number(model.scores[name])), "no score of this column is above 1, and models that " +
      "score alike elsewhere have at least " + general(DATA.alike.least) + "%; scores are in percent and these look like fractions, " +
      "so multiply the column by 100"));
  }));
  return found;
}

const SPLIT_SIZE = new RegExp(DATA.names.split, "gi");
const UNDERSCORE_SIZE = new RegExp(DATA.names.underscore, "gi");
const PLAIN_SIZE = new RegExp(DATA.names.size, "gi");
const GLUED_SIZE = new RegExp(DATA.names.glued, "gi");
const MIXTURE = new RegExp(DATA.names.mixture, "i");
const EFFECTIVE = new RegExp(DATA.names.effective, "i");
const ACTIVE = new RegExp(DATA.names.active, "i");

/** @param {string} model @returns {string} */
function withoutAccount(model) {
  const bare = model.trim().split(" [")[0].split("@")[0].replace(/__/g, "/").replace(/\/+$/, "");
  return bare.slice(bare.lastIndexOf("/") + 1);
}

/** @param {string} model @returns {string} */
function shortName(model) {
  return withoutAccount(model).toLowerCase().replace(/_/g, "-").replace(/-deduped$/, "");
}

/** Billions that a name tells, or why it tells none. @param {string} model
 * @returns {{size?: number, reason?: string, mixture?: boolean}} */
function sizeInName(model) {
  const tail = withoutAccount(model);
  const none = (/** @type {string} */ words) => ({ reason: quoted(tail) + " " + words });
  if (MIXTURE.test(tail) && !/distil/i.test(tail)) {
    const few = ACTIVE.exec(tail);
    return { mixture: true, ...none("names a mixture of experts, which has a total and an active size" + (few ? "; its name tells the " +
      "active parameters, " + general(Number(few[1]) / DATA.names.per_b[few[2].toLowerCase()]) + "B: --active takes them" : "")) };
  }
  if (EFFECTIVE.test(tail)) return none("names an effective size, which is not its number of parameters");
  const per = (/** @type {string} */ unit) => DATA.names.per_b[unit.toLowerCase()];
  const found = new Map();
  const spans = [];
  for (const match of tail.matchAll(SPLIT_SIZE)) {
    found.set(match.index, Number(match[1] + "." + match[2]));
    spans.push([match.index, match.index + match[0].length]);
  }
  for (const match of tail.matchAll(UNDERSCORE_SIZE)) {
    found.set(match.index, Number(match[1] + "." + match[2]) / per(match[3]));
    spans.push([match.index, match.index + match[0].length]);
  }
  for (const match of tail.matchAll(PLAIN_SIZE)) {
    if (spans.some((span) => match.index >= span[0] && match.index < span[1])) continue;
    const before = tail.slice(0, match.index);
    if (/(?<![A-Za-z0-9.])\d+_$/.test(before)) {
      return none("may mean " + before.replace(/_+$/, "").slice(-1) + "." + match[0] + " or " + match[0]);
    }
    found.set(match.index, Number(match[1]) / per(match[2]));
  }
  if (!found.size) {
    for (const match of tail.matchAll(GLUED_SIZE)) found.set(match.index, Number(match[1]) / per(match[2]));
  }
  const sizes = [...found.keys()].sort((a, b) => a - b).map((at) => found.get(at));
  if (!sizes.length) return none("holds no size such as 410m or 7B");
  if (sizes[0] === 0) return none("holds a size of zero");
  const others = new Set(sizes.filter((size) => size / sizes[0] > 1 / DATA.names.another && size / sizes[0] < DATA.names.another));
  if (others.size > 1) {
    return none("holds more than one size (" + [...others].sort((a, b) => a - b).map((size) => general(size) + "B").join(", ") + ")");
  }
  return { size: sizes[0] };
}

/** Billions that a name tells, null where it tells none. @param {string} model @returns {number|null} */
function sizeFromName(model) {
  const { size } = sizeInName(model);
  return size === undefined ? null : size;
}

/** Whether a counted size and the one in a name can be the same model's. @param {number} one @param {number} other */
function sameSize(one, other) {
  return DATA.names.low < one / other && one / other < DATA.names.high;
}

/** What is wrong with a size beside the one in the name. @param {string} model @param {number} billions @returns {string} */
function sizeFault(model, billions) {
  const named = sizeFromName(model);
  if (named === null || sameSize(billions, named)) return "";
  return "the name says " + general(named) + "B; sizes are in billions, so write " + general(named) + ", or rename the model";
}

/** @param {Cells} cells @returns {Model[]} */
function typed(cells) {
  const own = ownNames(cells.header);
  const rest = cells.header.filter((name) => name === "tokens_b" || DATA.schema.conditions.includes(name)
    || DATA.schema.beside.some((end) => end !== "items" && name.endsWith("_" + end)));
  const number = (/** @type {string|undefined} */ cell) => (cell === undefined || MISSING.has(cell) ? null : Number(cell));
  return cells.rows.map((row, i) => {
    const cell = (/** @type {string} */ name) => (cells.header.includes(name) ? row[cells.header.indexOf(name)] : undefined);
    /** @type {Model} */
    const model = { model: cell("model") || "", family: cell("family") || "", params_b: Number(cell("params_b")), line: cells.lines[i],
      scores: {}, items: {}, chance: {}, how: {} };
    [...Object.keys(DATA.benchmarks), ...own].forEach((name) => {
      const ran = number(cell(name + "_items"));
      model.scores[name] = number(cell(name));
      if (ran !== null) model.items[name] = ran;
    });
    own.forEach((name) => { model.chance[name] = Number(cell(name + "_chance")); });
    rest.forEach((name) => {
      const words = cell(name);
      if (words !== undefined && !MISSING.has(words)) model.how[name] = words;
    });
    return model;
  });
}

/** Cells checked and given their types, in the order of family and size; or every problem found. @param {Cells} cells
 * @returns {{models: Model[], problems: Problem[]}} */
function checkCells(cells) {
  const fields = fieldsOf(cells.header);
  let problems = headerProblems(cells.header, fields);
  if (!problems.length && !cells.rows.length) {
    problems = [problem(null, null, null, "there is a header but no row; add one row for each model")];
  }
  if (!problems.length) problems = cellProblems(cells, fields, MISSING);
  if (problems.length) return { models: [], problems: problems };
  const own = ownNames(cells.header);
  const given = [...Object.keys(DATA.benchmarks), ...own].filter((name) => cells.header.includes(name));
  if (!given.length) {
    return { models: [], problems: [problem(1, null, null, "no benchmark column; at least one of " +
      Object.keys(DATA.benchmarks).join(", ") + " is needed")] };
  }
  const models = typed(cells);
  learnOwn(models);
  problems = fractionProblems(models, given);
  if (!problems.length) {
    models.forEach((model) => {
      const words = sizeFault(model.model, model.params_b);
      if (words) problems.push(problem(model.line, "params_b", general(model.params_b), words));
    });
    own.forEach((name) => models.forEach((model) => {
      const first = models[0].chance[name];
      if (model.chance[name] === first) return;
      problems.push(problem(model.line, name + "_chance", general(model.chance[name]), "one benchmark has one chance level; write " +
        general(first)));
    }));
  }
  if (problems.length) return { models: [], problems: problems };
  const order = (/** @type {Model} */ a, /** @type {Model} */ b) => (a.family < b.family ? -1 : a.family > b.family ? 1 : 0)
    || a.params_b - b.params_b;
  return { models: models.sort(order), problems: [] };
}

/** @param {string[]} header @returns {string[]} what a model has beside its name, family and size */
function columnsOf(header) {
  return header.filter((name) => !["model", "family", "params_b"].includes(name));
}

/** Pasted or dropped text, whatever separates its cells, with its columns beside model, family and size. @param {string} text
 * @returns {{models: Model[], problems: Problem[], columns: string[]}} */
function readText(text) {
  const bare = text.replace(/^\ufeff/, "");
  if (!bare.trim()) {
    return { models: [], columns: [], problems: [problem(null, null, null, "the file is empty; a header line and rows are needed")] };
  }
  const cells = splitMarkdown(bare) || split(bare);
  if ("problems" in cells) return { models: [], columns: [], problems: cells.problems };
  return { ...checkCells(cells), columns: columnsOf(cells.header) };
}
