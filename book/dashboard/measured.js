// How the models were measured: what differs, and what is not as in the open panel. Mirrors cape_utils/evaluations: conditions and
// merging, as chapters/ch12_dashboard/page/measured puts them together.

/** Names in a sentence, each once, the first few of many. @param {string[]} names @param {number} [most] @returns {string} */
function listed(names, most) {
  const given = [...new Set(names)];
  const shown = most || 8;
  return given.slice(0, shown).join(", ") + (given.length > shown ? " and " + (given.length - shown) + " more" : "");
}

/** Whether a revision is a commit, which tells no training step apart from another. @param {string|null|undefined} revision */
function isPinned(revision) {
  return typeof revision === "string" && /^[0-9a-f]{7,64}$/.test(revision);
}

/** Examples in the prompt behind the open panel's scores, null where it has no such benchmark. @param {string} column */
function usualShots(column) {
  const shots = DATA.results.shots;
  return Object.prototype.hasOwnProperty.call(shots, column) ? shots[column] : column.startsWith("truthfulqa") ? 0 : null;
}

/** What is known of how a model was measured, as far as it concerns these benchmarks. @param {Model} model @param {string[]} names
 * @returns {Object<string, string>} */
function knownConditions(model, names) {
  const how = model.how || {};
  const found = /** @type {Object<string, string>} */ ({});
  DATA.schema.conditions.forEach((name) => {
    if (how[name] === undefined || (name === "revision" && isPinned(how[name]))) return;
    found[DATA.results.condition_words[name] || name] = name === "adapter" && how[name] !== "none" ? "with one" : how[name];
  });
  names.forEach((benchmarkName) => DATA.schema.beside.forEach((name) => {
    const value = how[benchmarkName + "_" + name];
    if (name === "items" || value === undefined) return;
    // Versions are counted by task: 3 of truthfulqa_mc2 and 1 of truthfulqa_mc contradict nothing.
    const space = value.lastIndexOf(" ");
    found[name + " of " + (value.slice(0, Math.max(0, space)) || benchmarkName)] = value.slice(space + 1);
  }));
  return found;
}

/** What differs between the models of a ladder, empty where nothing that is known does. @param {Model[]} ladder
 * @param {string} family @param {string} x @param {string} y @returns {string} */
function differingConditions(ladder, family, x, y) {
  let known = ladder.map((model) => knownConditions(model, [x, y]));
  // Beside a training step, a model that states none is the finished one.
  if (known.some((row) => "revision" in row)) known = known.map((row) => ({ revision: "main", ...row }));
  const keys = [...new Set(known.flatMap((row) => Object.keys(row)))];
  const differs = keys.filter((key) => new Set(known.filter((row) => key in row).map((row) => row[key])).size > 1);
  if (!differs.length) return "";
  const spread = differs.map((key) => {
    const values = new Map();
    ladder.forEach((model, i) => {
      if (key in known[i]) values.set(known[i][key], [...(values.get(known[i][key]) || []), model.model]);
    });
    return key + " " + [...values].map(([value, models]) => value + " (" + listed(models, 4) + ")").join(" / ");
  });
  return family + ": models measured under different conditions are compared, as asked for (" + spread.join("; ") + ")";
}

/** What a reader should know of how scores were measured, from the table alone. @param {Model[]} models @returns {string[]} */
function conditionNotes(models) {
  const notes = [];
  const how = (/** @type {Model} */ model) => model.how || {};
  const old = models.filter((model) => (how(model).mmlu_version || "").startsWith("hendrycksTest 0")).map((model) => model.model);
  if (old.length) {
    notes.push("mmlu: version 0 of hendrycksTest put the questions in another way, and is not comparable with later ones or with the " +
      "open panel: " + listed(old));
  }
  Object.keys(DATA.benchmarks).forEach((column) => {
    const cut = models.filter((model) => model.items && model.items[column] < benchmark(column).items)
      .map((model) => model.model + " (" + fixed(model.items[column], 0) + " items)");
    if (cut.length) notes.push(column + ": the run was cut short, and its noise is that of the items that ran: " + listed(cut));
    const shots = [...new Set(models.map((model) => how(model)[column + "_shots"]).filter((value) => value !== undefined).map(Number))];
    const usual = usualShots(column);
    const given = shots.sort((a, b) => a - b).join(", ");
    if (shots.length > 1) {
      notes.push(column + ": models were given different numbers of examples in the prompt (" + given + "), so a step between them is " +
        "not one of size alone");
    } else if (shots.length && usual !== null && shots[0] !== usual) {
      notes.push(column + ": " + given + " examples in the prompt where the open panel has " + usual + "; comparisons with the panel's " +
        "level are off");
    }
  });
  return notes;
}

PARTS.measured = (found) => {
  const { models, family, x, y } = found.given;
  const differs = found.ladder.length > 1 ? differingConditions(found.ladder, family, x, y) : "";
  return [...(differs ? [differs] : []), ...conditionNotes(models)];
};
