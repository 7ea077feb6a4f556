// Distance from the curve of web-trained models, and the models that score alike. Mirrors cape_utils: scaling/web_curve and
// page/web_distance, which says what stands for random draws.

const webCurves = new Map();

/** A number between 0 and 1 that looks random, the same in every language. @param {number} counter */
function uniform(counter) {
  let x = Math.imul(counter + 1, DATA.web.step);
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

/** The curve without some families, and on resampled lines; null where too few lines are left. @param {string} y
 * @param {string[]} exclude */
function webCurve(y, exclude) {
  const key = [y, ...exclude].join("|");
  if (!webCurves.has(key)) webCurves.set(key, fitWebCurve(y, exclude));
  return webCurves.get(key);
}

/** @param {string} y @param {string[]} exclude */
function fitWebCurve(y, exclude) {
  const scores = new Map(OPEN.map((row) => [row.family + "|" + row.model, row]));
  const models = DATA.web.models.filter((one) => !exclude.includes(one[1]))
    .map(([model, family, line]) => ({ row: scores.get(family + "|" + model), line: line })).filter((one) => scoreOf(one.row, y) !== null);
  const names = [...new Set(models.map((one) => one.line))];
  if (names.length < DATA.web.least) return null;
  const size = models.map((one) => Math.log10(one.row.params_b));
  const middle = size.reduce((sum, one) => sum + one, 0) / size.length;
  const spread = Math.sqrt(size.reduce((sum, one) => sum + (one - middle) ** 2, 0) / size.length);
  const basis = (/** @type {number} */ log) => Array.from({ length: DATA.web.degree + 1 }, (_, power) => ((log - middle) / spread) ** power);
  const terms = basis(0).length;
  const wide = terms + 1; // the matrix of the normal equations and, in its last column, their right side
  const lines = names.map((name) => {
    const part = models.map((one, i) => ({ line: one.line, score: one.row.scores[y], at: basis(size[i]), size: size[i] }))
      .filter((one) => one.line === name);
    const sums = new Float64Array(terms * wide);
    part.forEach((one) => sums.forEach((_, i) => {
      const column = i % wide;
      sums[i] += one.at[Math.floor(i / wide)] * (column < terms ? one.at[column] : one.score);
    }));
    const sizes = [...new Set(part.map((one) => one.size))];
    return { part: part, sums: sums, sizes: sizes };
  });
  const fit = (/** @type {any[]} */ all) => {
    const total = new Float64Array(terms * wide);
    for (let i = 0; i < all.length; i += 1) for (let j = 0; j < total.length; j += 1) total[j] += all[i].sums[j];
    const rows = basis(0).map((_, a) => [...total.subarray(a * wide, a * wide + terms)]);
    return solve(rows, rows.map((__, a) => total[a * wide + terms]));
  };
  const curve = fit(lines);
  const fits = Array.from({ length: DATA.web.draws }, (_, draw) => {
    const drawn = names.map((__, i) => lines[Math.floor(uniform(draw * names.length + i) * names.length)]);
    // Fewer sizes than terms determine no curve; a line of as many settles it.
    const enough = drawn.some((line) => line.sizes.length >= terms) || new Set(drawn.flatMap((line) => line.sizes)).size >= terms;
    return enough ? fit(drawn) : null;
  });
  return {
    basis: basis, at: (/** @type {number} */ log) => dot(curve, basis(log)), fits: fits, widen: Math.sqrt(names.length / (names.length - terms)),
    residuals: lines.map((line) => line.part.map((one) => one.score - dot(curve, one.at))),
    low: Math.min(...size), high: Math.max(...size), scatter: new Map(),
    rows: models.map((one) => one.row),
  };
}

/** Mean distance of as many models of one web-trained line from the curve, for each draw. @param {any} curve @param {number} models */
function lineScatter(curve, models) {
  if (!curve.scatter.has(models)) {
    const count = curve.residuals.length;
    const begin = DATA.web.draws * count;
    curve.scatter.set(models, curve.fits.map((_, draw) => {
      const at = begin + draw * (1 + models);
      const line = curve.residuals[Math.floor(uniform(at) * count)];
      let sum = 0;
      for (let i = 1; i <= models; i += 1) sum += line[Math.floor(uniform(at + i) * line.length)];
      return (sum / models) * curve.widen;
    }));
  }
  return curve.scatter.get(models);
}

/** A percentile of ordered numbers, on straight lines between them. @param {number[]} ordered @param {number} share */
function quantile(ordered, share) {
  const at = share * (ordered.length - 1);
  const below = Math.floor(at);
  return ordered[below] + (at - below) * (ordered[Math.min(below + 1, ordered.length - 1)] - ordered[below]);
}

/** @param {any} found */
function webDistance(found) {
  const { ladder, in_panel: exclude, given: { y } } = found;
  const curve = ladder.length ? webCurve(y, exclude) : null;
  if (!curve) return null;
  const size = ladder.map((model) => Math.log10(model.params_b));
  const models = ladder.map((model, i) => ({ model: model.model, params_b: model.params_b, expected: curve.at(size[i]),
    h: Number(model.scores[y]) - curve.at(size[i]) }));
  const mean = (/** @type {number[]} */ all) => all.reduce((sum, one) => sum + one, 0) / all.length;
  const h = mean(models.map((one) => one.h));
  const expected = mean(models.map((one) => one.expected));
  const at = size.map(curve.basis);
  const middle = at[0].map((_, power) => mean(at.map((one) => one[power])));
  const scatter = lineScatter(curve, ladder.length);
  const nothing = [];
  curve.fits.forEach((fit, i) => { if (fit) nothing.push(expected - dot(fit, middle) + scatter[i]); });
  const extreme = nothing.filter((one) => Math.abs(one) >= Math.abs(h) - 1e-12).length;
  nothing.sort((a, b) => a - b);
  const [low, high] = [quantile(nothing, 0.025), quantile(nothing, 0.975)];
  const p = (extreme + 1) / (nothing.length + 1);
  const outside = size.filter((one) => one < curve.low || one > curve.high).length;
  return {
    h: h, low: low, high: high, p_value: p, n: ladder.length, models: models, unusual: !(low <= h && h <= high),
    note: outside ? outside + " of " + ladder.length + " models lie outside the sizes of the curve, " + sizeText(10 ** curve.low) + " to " +
      sizeText(10 ** curve.high) + ", where a parabola is a guess" : "",
    words: "On average " + signed(h, 1) + " points (n = " + ladder.length + "). A web-trained family of these sizes lies between " +
      signed(low, 1) + " and " + signed(high, 1) + " 95 times in 100; p = " + general(p, 2) + ".",
  };
}

/** Models of the open panel whose two scores are nearest to the largest model's. @param {any} found */
function nearestModels(found) {
  const { ladder, in_panel: exclude, given: { x, y } } = found;
  const last = ladder[ladder.length - 1];
  if (!last || x === y) return [];
  const far = (/** @type {any} */ row) => Math.sqrt(([x, y].reduce((sum, name) => sum + (row.scores[name] - last.scores[name]) ** 2, 0)) / 2);
  return OPEN.filter((row) => row.one_recipe && scoreOf(row, x) !== null && scoreOf(row, y) !== null && !exclude.includes(row.family))
    .map((row) => ({ model: row.model, params_b: row.params_b, distance_pp: far(row) }))
    .sort((a, b) => a.distance_pp - b.distance_pp || (a.model < b.model ? -1 : 1)).slice(0, DATA.web.nearest);
}

PARTS.web_distance = webDistance;
PARTS.nearest_models = nearestModels;

/** @param {any} found */
function nearestWords(found) {
  const near = found.nearest_models;
  if (!near.length) return "";
  return "Models of the open panel that score most like " + shortModel(found.ladder[found.ladder.length - 1].model) + ", whatever their size: " +
    near.map((one) => one.model + " (" + sizeText(one.params_b) + ", " + fixed(one.distance_pp, 1) + " points away)").join(", ") + ".";
}

/** @param {any} found @param {State} state */
function webSentence(found, state) {
  const web = found.web_distance;
  const what = web.n === 1 ? shortModel(web.models[0].model) : "This family";
  return what + " lies " + fixed(Math.abs(web.h), 1) + " points " + (web.h >= 0 ? "above" : "below") + " web-trained models of the same size in " +
    benchmarkTitle(state.y) + ", " + (web.unusual ? "outside" : "within") + " what they differ among themselves (" + minus(signed(web.low, 1)) + " to " +
    minus(signed(web.high, 1)) + ", 95 times in 100).";
}

/** @param {HTMLElement} into @param {any} found @param {State} state */
function showWeb(into, found, state) {
  const web = found.web_distance;
  if (!web) {
    into.replaceChildren(make("p", null, found.ladder.length ? "The open panel has no curve for " + benchmarkTitle(state.y) + "."
      : "A model with a size and both scores is needed."));
    return;
  }
  const curve = webCurve(state.y, found.in_panel);
  const sizes = [...found.ladder.map((model) => model.params_b), ...curve.rows.map((row) => row.params_b)];
  const steps = Array.from({ length: 41 }, (_, i) => curve.low + ((curve.high - curve.low) * i) / 40);
  const scores = [...ladderReach(found, state.y), ...curve.rows.map((row) => row.scores[state.y])];
  const chart = sizeChart(state.y, sizes, scores, benchmarkTitle(state.y) + " by size, percent: " + ladderWords(found, state.y) +
    "; on the curve of web-trained models " + web.models.map((one) => fixed(one.expected, 1)).join(", ") + ".");
  curve.rows.forEach((row) => chart.svg.append(make("circle", { cx: chart.x(row.params_b).toFixed(1), cy: chart.y(row.scores[state.y]).toFixed(1),
    r: 2.5, class: "cd-open" })));
  chartLine(chart, steps.map((log) => [10 ** log, curve.at(log)]), "cd-near");
  const last = steps[steps.length - 1];
  chart.svg.append(make("text", { x: chart.x(10 ** last), y: chart.y(curve.at(last)) - 6, class: "cd-near-label", "text-anchor": "end" }, "web-trained"));
  chartLadder(chart, found, state.y);
  into.replaceChildren(make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-none" }, minus(signed(web.h, 1)) + " points"),
    web.unusual ? "more than such families differ" : "within what such families differ"),
  chart.svg, make("p", null, web.words.replace(/-(?=\d)/g, "\u2212") + (web.note ? " " + web.note[0].toUpperCase() + web.note.slice(1) + "." : "")),
  make("p", { class: "cd-quiet" }, (found.in_panel.length ? "The curve was fitted without " + found.in_panel.join(", ") + ", which holds the same models. " : "") +
    nearestWords(found)));
}

CARDS.push({ id: "cd-web", title: "Beside web-trained models", half: true, mount: () => {
  const box = make("div");
  return { parts: [box], show: (found, state) => showWeb(box, found, state) };
} });
