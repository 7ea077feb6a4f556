// What the scores of one family say, and what its sizes alone say. Mirrors cape_utils: scaling/coupling, diagnosis and
// reports/sections, as chapters/ch12_dashboard/page/answer puts them together.

/** @typedef {{from_model: string, to_model: string, from_params_b: number, to_params_b: number, dx: number, dy: number,
 *  se_dx: number, se_dy: number, coupling: number, se: number, low: number, high: number, p_tax: number,
 *  p_transition: number, p_bonus: number, p_x_rises: number, phase: string,
 *  calibrated: {p_tax: number, p_transition: number, p_bonus: number}}} Step */

const NODES = (() => {
  const n = DATA.quadrature.points;
  const step = (2 * DATA.quadrature.reach) / (n - 1);
  const z = new Float64Array(n);
  const weight = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    z[i] = i === n - 1 ? DATA.quadrature.reach : i * step - DATA.quadrature.reach;
    weight[i] = (Math.exp((-z[i] * z[i]) / 2) / Math.sqrt(2 * Math.PI)) * step;
  }
  return { z: z, weight: weight };
})();

/** P(Y / X <= at) for independent normals: integrate over X, on the nodes of the package.
 * @param {number} dx @param {number} dy @param {number} sx @param {number} sy @param {number} at */
function ratioCdf(dx, dy, sx, sy, at) {
  let total = 0;
  for (let i = 0; i < NODES.z.length; i += 1) {
    const x = dx + sx * NODES.z[i];
    const below = normalCdf((at * x - dy) / sy);
    total += (x > 0 ? below : 1 - below) * NODES.weight[i];
  }
  return total;
}

const remembered = new Map();

/** Plain probability of each phase: normal item noise, every true change equally likely beforehand. The one
 * place where a plain probability is made; weighedPhases in phase_prior.js makes the calibrated ones. @param {number} dx @param {number} dy @param {number} sx @param {number} sy
 * @returns {{tax: number, transition: number, bonus: number}} */
function phaseProbabilities(dx, dy, sx, sy) {
  const key = [dx, dy, sx, sy].join(" ");
  let found = remembered.get(key);
  if (!found) {
    const tax = ratioCdf(dx, dy, sx, sy, -DATA.edge);
    const bonus = 1 - ratioCdf(dx, dy, sx, sy, DATA.edge);
    found = { tax: tax, transition: 1 - tax - bonus, bonus: bonus };
    if (remembered.size > 500) remembered.clear();
    remembered.set(key, found);
  }
  return found;
}

/** @param {number} coupling @returns {string|null} */
function phaseOf(coupling) {
  if (Number.isNaN(coupling)) return null;
  return coupling < -DATA.edge ? "tax" : coupling > DATA.edge ? "bonus" : "transition";
}

/** Fieller's limits of dy / dx. @param {number} dx @param {number} dy @param {number} sx @param {number} sy */
function couplingRange(dx, dy, sx, sy) {
  const room = dx * dx - (DATA.z * sx) ** 2;
  if (!(room > 0)) return [NaN, NaN];
  const half = DATA.z * Math.sqrt((dx * sy) ** 2 + (dy * sx) ** 2 - (DATA.z * sx * sy) ** 2);
  return [(dx * dy - half) / room, (dx * dy + half) / room];
}

/** The likeliest phase; the first of equals. @param {number[]} shares @returns {string} */
function likeliest(shares) {
  const most = Math.max(...shares);
  return DATA.phases.find((name, i) => shares[i] >= most - DATA.tie);
}

/** @param {Model} a @param {Model} b @param {string} x @param {string} y @param {Prior|null} prior @returns {Step} */
function stepOf(a, b, x, y, prior) {
  const change = (/** @type {string} */ name) => Math.round((Number(b.scores[name]) - Number(a.scores[name])) * 1e9) / 1e9;
  const error = (/** @type {string} */ name) => Math.hypot(itemError(Number(b.scores[name]), itemsOf(b, name)),
    itemError(Number(a.scores[name]), itemsOf(a, name)));
  const [dx, dy, sx, sy] = [change(x), change(y), error(x), error(y)];
  const coupling = dx === 0 ? NaN : dy / dx;
  const shares = phaseProbabilities(dx, dy, sx, sy);
  const plain = DATA.phases.map((name) => shares[name]);
  const [low, high] = couplingRange(dx, dy, sx, sy);
  const weighed = weighedPhases(prior, { dx: dx, dy: dy, se_dx: sx, se_dy: sy, from_params_b: a.params_b, to_params_b: b.params_b });
  const named = [weighed, plain].find((all) => !all.some(Number.isNaN));
  return {
    from_model: a.model, to_model: b.model, from_params_b: a.params_b, to_params_b: b.params_b,
    dx: dx, dy: dy, se_dx: sx, se_dy: sy, coupling: coupling,
    se: dx === 0 ? NaN : Math.sqrt(sy * sy + coupling * coupling * sx * sx) / Math.abs(dx),
    low: low, high: high, p_tax: shares.tax, p_transition: shares.transition, p_bonus: shares.bonus,
    p_x_rises: normalCdf(dx / sx),
    phase: named ? likeliest(named) : phaseOf(coupling) || "transition",
    calibrated: { p_tax: weighed[0], p_transition: weighed[1], p_bonus: weighed[2] },
  };
}

/** @param {Step} step */
function isCalibrated(step) {
  return !Number.isNaN(step.calibrated.p_tax);
}

/** Probability of each phase by item noise alone. @param {Step} step @returns {number[]} */
function plainShares(step) {
  return [step.p_tax, step.p_transition, step.p_bonus];
}

/** Probability of each phase: calibrated, or the plain one where there is no other. @param {Step} step @returns {number[]} */
function sharesOf(step) {
  const known = step.calibrated;
  return isCalibrated(step) ? [known.p_tax, known.p_transition, known.p_bonus] : plainShares(step);
}

/** The largest share; not known where the first is not. @param {number[]} shares @returns {number} */
function largest(shares) {
  return Number.isNaN(shares[0]) ? NaN : Math.max(...shares.filter((share) => !Number.isNaN(share)));
}

/** @param {Step} step @returns {number} */
function probabilityOf(step) {
  return largest(sharesOf(step));
}

/** @param {number} probability @returns {string} */
function sure(probability) {
  if (Number.isNaN(probability)) return "with unknown certainty";
  return probability >= 0.95 ? "almost surely" : probability >= 0.8 ? "probably" : probability >= 0.5 ? "perhaps"
    : "unclear, at most perhaps";
}

/** @param {string} family @param {Step} last @param {string} x @param {string} y @returns {string} */
function headline(family, last, x, y) {
  const [first, second] = [benchmarkTitle(x), benchmarkTitle(y)];
  const sizes = sizeText(last.from_params_b) + " to " + sizeText(last.to_params_b);
  if (last.dx === 0) {
    return "At its last step, " + sizes + ", " + first + " does not change in " + family + ", so that there is no coupling; " +
      second + " changes by " + signed(last.dy, 1) + " points.";
  }
  const [rise, fall] = last.dx >= 0 ? ["rises", "falls"] : ["falls", "rises"];
  const meaning = {
    tax: second + " " + fall + " as " + first + " " + rise,
    transition: second + " hardly moves as " + first + " " + rise,
    bonus: second + " " + rise + " with " + first,
  };
  let plain = "";
  if (isCalibrated(last)) {
    const shares = plainShares(last);
    const name = Number.isNaN(last.p_tax) ? last.phase : likeliest(shares);
    plain = "; from item noise alone " + (name === last.phase ? "" : name + " ") + percent(largest(shares)) + ", which is too sure";
  }
  return "At its last step, " + sizes + ", " + family + " is " + sure(probabilityOf(last)) + " in the " + last.phase +
    " phase (" + percent(probabilityOf(last)) + plain + "): " + meaning[last.phase] + ".";
}

/** What a size alone says, by the line of the paper's dashboard and by that of its text. @param {number} billions */
function bySize(billions) {
  const lines = DATA.lines;
  const dashboard = lines.dashboard.slope * (Math.log10(billions) + 9) + lines.dashboard.intercept;
  const text = lines.text.slope * Math.log10(billions / lines.text.critical_b);
  return { dashboard: { coupling: dashboard, phase: phaseOf(dashboard) }, text: { coupling: text, phase: phaseOf(text) } };
}

/** @param {{scores: Object<string, number|null>}} model @param {string} x @param {string} y whether it has both scores */
function hasPair(model, x, y) {
  return scoreOf(model, x) !== null && scoreOf(model, y) !== null;
}

/** Rows of a panel. @param {"open"|"paper"} which */
function panelRows(which) {
  return DATA.panels[which].map((row) => {
    const scores = {};
    Object.keys(DATA.benchmarks).forEach((name) => { scores[name] = null; });
    DATA.panel_columns.forEach((name, i) => { scores[name] = row[3 + i]; });
    return { model: row[0], family: row[1], params_b: row[2], scores: scores, one_recipe: Boolean(row[3 + DATA.panel_columns.length]),
      panel: which, short: shortName(row[0]) };
  });
}

const OPEN = panelRows("open");
const PAPER = panelRows("paper");

/** Families of the open panel that hold models of the ladder. @param {Model[]} ladder @returns {Set<string>} */
function overlappingFamilies(ladder) {
  const names = new Set(ladder.map((model) => shortName(model.model)));
  const families = new Set(OPEN.filter((row) => names.has(row.short)).map((row) => row.family));
  ladder.forEach((model) => {
    const given = DATA.panel_columns.filter((name) => scoreOf(model, name) !== null);
    if (given.length < 2) return;
    OPEN.forEach((row) => {
      const same = given.every((name) => scoreOf(row, name) !== null
        && Math.abs(row.scores[name] - Number(model.scores[name])) <= DATA.same);
      if (same) families.add(row.family);
    });
  });
  return families;
}

/** @param {Model[]} ladder @param {Set<string>} exclude */
function cautions(ladder, exclude) {
  const limits = DATA.warnings;
  const found = [];
  benchmarksOf(ladder).forEach((name) => {
    const used = ladder.filter((model) => scoreOf(model, name) !== null);
    const known = benchmark(name);
    let best = DATA.panel_columns.includes(name) ? -Infinity : Infinity;
    OPEN.forEach((row) => {
      if (row.one_recipe && !exclude.has(row.family) && row.scores[name] > best) best = row.scores[name];
    });
    const truth = name.startsWith("truthfulqa");
    const tests = {
      chance: (s, noise) => (truth ? Math.abs(s - known.chance) <= 2 * noise : known.chance > 0 && s <= known.chance + 2 * noise),
      "below chance": (s, noise) => truth && s < known.chance - 2 * noise,
      floor: (s) => known.chance === 0 && s < limits.floor,
      saturation: (s) => s >= limits.ceiling || (s >= best - limits.near && s >= limits.high),
      "top of the panel": (s) => s >= best - limits.near && !(s >= limits.ceiling || s >= limits.high),
      "noise not known": (s, noise, items) => !Number.isFinite(items),
    };
    Object.keys(tests).forEach((kind) => {
      const models = used.filter((model) => {
        const items = itemsOf(model, name);
        return tests[kind](model.scores[name], itemError(Number(model.scores[name]), items) || 0, items);
      });
      if (!models.length) return;
      found.push({ kind: kind, benchmark: name, models: models.map((model) => model.model), text: known.cautions[kind] });
    });
  });
  return found;
}

/** A straight line between known points, level beyond them. @param {number} at @param {number[]} xs @param {number[]} ys */
function interpolate(at, xs, ys) {
  if (at <= xs[0]) return ys[0];
  for (let i = 1; i < xs.length; i += 1) {
    if (at <= xs[i]) return ys[i - 1] + ((ys[i] - ys[i - 1]) / (xs[i] - xs[i - 1])) * (at - xs[i - 1]);
  }
  return ys[ys.length - 1];
}

/** Families of the open panel nearest by both scores at comparable sizes. @param {Model[]} ladder @param {string} x
 * @param {string} y @param {Set<string>} exclude */
function nearestFamilies(ladder, x, y, exclude) {
  if (!ladder.length) return [];
  const sizes = ladder.map((model) => Math.log10(model.params_b));
  const largest = Math.max(...ladder.map((model) => model.params_b));
  const groups = new Map();
  OPEN.forEach((row) => {
    if (!row.one_recipe || exclude.has(row.family) || !hasPair(row, x, y)) return;
    const part = groups.get(row.family) || [];
    if (!part.some((one) => one.params_b === row.params_b)) part.push(row);
    groups.set(row.family, part);
  });
  const candidates = [];
  groups.forEach((part, family) => {
    const known = part.map((row) => Math.log10(row.params_b));
    const shared = sizes.map((size) => size > Math.min(...known) - 0.1 && size < Math.max(...known) + 0.1);
    const count = shared.filter(Boolean).length;
    if (count < 2 || part.length < 2) return;
    let sum = 0;
    [x, y].forEach((name) => {
      const level = part.map((row) => row.scores[name]);
      ladder.forEach((model, i) => {
        if (shared[i]) sum += (Number(model.scores[name]) - interpolate(sizes[i], known, level)) ** 2;
      });
    });
    const goes = part.some((row) => row.params_b <= 1.25 * largest) && part.some((row) => row.params_b > 1.25 * largest);
    candidates.push({ family: family, distance_pp: Math.sqrt(sum / (2 * count)), sizes: count, goes: goes });
  });
  candidates.sort((a, b) => a.distance_pp - b.distance_pp || (a.family < b.family ? -1 : 1));
  const near = candidates.slice(0, 3);
  // What happened next is the question; where none of these can answer it, the nearest that can is added.
  if (!near.some((one) => one.goes)) near.push(...candidates.slice(3).filter((one) => one.goes).slice(0, 1));
  return near.map((one) => ({ family: one.family, distance_pp: one.distance_pp, sizes: one.sizes }));
}

/** Why there is no step, empty where there is one. @param {Model[]} models @param {Model[]} ladder @param {string} family
 * @param {string} x @param {string} y @returns {string} */
function ladderProblem(models, ladder, family, x, y) {
  const have = benchmarksOf(models);
  const absent = [x, y].find((name) => !have.includes(name));
  if (absent) {
    const such = have.length > 1 ? "--x " + have[0] + " --y " + have[1] : "--x, --y";
    return "the table holds no score of " + absent + "; it holds " + have.join(", ") +
      "; choose the pair with x and y (cape diagnose: " + such + ")";
  }
  if (x === y) return "x and y are both " + x + "; a coupling needs two benchmarks";
  if (ladder.length < 2) {
    return "family " + quoted(family) + " has " + ladder.length + " model" + (ladder.length === 1 ? "" : "s") + " with both " +
      x + " and " + y + "; a step needs two sizes, so add another model";
  }
  const twins = ladder.filter((model) => ladder.some((one) => one !== model && one.params_b === model.params_b));
  if (twins.length) {
    return "family " + quoted(family) + " has several models of one size (" + twins.map((model) => model.model).sort().join(", ") +
      "); a step between them is none in size, so give them families of their own";
  }
  return "";
}

/** Parts of the answer that a card asks for, each worked out when it is first asked for, from the answer so far; as PARTS of
 * page/answer. @type {Object<string, (found: any) => any>} */
const PARTS = {};

/** Everything that the page shows of one family; see page/answer.py. @param {Model[]} models @param {string} family
 * @param {string} x @param {string} y */
function answer(models, family, x, y) {
  learnOwn(models);
  const ladder = models.filter((model) => hasPair(model, x, y))
    .sort((a, b) => a.params_b - b.params_b);
  const why = ladderProblem(models, ladder, family, x, y);
  const exclude = overlappingFamilies(ladder);
  const prior = why ? null : panelPrior(x, y, [...exclude].sort());
  const steps = why ? [] : ladder.slice(1).map((model, i) => stepOf(ladder[i], model, x, y, prior));
  const errors = {};
  new Set([...DATA.columns, ...benchmarksOf(models)]).forEach((name) => {
    errors[name] = ladder.map((model) => (scoreOf(model, name) === null ? NaN
      : itemError(Number(model.scores[name]), itemsOf(model, name))));
  });
  const found = {
    problem: why,
    models: ladder.map((model) => model.model),
    ladder: ladder,
    errors: errors,
    by_size: ladder.map((model) => bySize(model.params_b)),
    steps: steps,
    headline: steps.length ? headline(family, steps[steps.length - 1], x, y) : "",
    cautions: cautions(ladder, exclude),
    in_panel: [...exclude].sort(),
    neighbours: x === y ? [] : nearestFamilies(ladder, x, y, exclude),
    given: { models: models, family: family, x: x, y: y },
  };
  Object.keys(PARTS).forEach((name) => {
    let known = /** @type {any} */ (undefined);
    Object.defineProperty(found, name, { enumerable: true, get: () => {
      if (known === undefined) known = PARTS[name](found);
      return known;
    } });
  });
  return found;
}
