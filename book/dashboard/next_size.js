// The next size: scores with the ranges of held-out errors, the phase of the step to it, and the equation's path beside them.
// Mirrors cape_utils: diagnosis/next_size, diagnosis/phase_forecast and page/next_size.

/** A number of two significant digits, an exact half to the even one. @param {number} value */
function twoDigits(value) {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  const count = Number((value / unit).toPrecision(15));
  return Number(Number(Number(fixed(count, 0)) * unit).toPrecision(12));
}

/** Share of held-out errors that put a predicted step in each phase. @param {number} dx @param {number} dy @param {HeldOut[]} steps
 * @param {number} step @param {string} x @param {string} y */
function sharesByErrors(dx, dy, steps, step, x, y) {
  const used = steps.filter((one) => !Number.isNaN(one.errors[x]) && !Number.isNaN(one.errors[y]));
  const { weights } = familyWeights(used);
  const total = weights.reduce((sum, one) => sum + one, 0);
  let [tax, bonus] = [0, 0];
  used.forEach((one, i) => {
    const scale = Math.sqrt(step / one.step);
    const ratio = (dy + one.errors[y] * scale) / (dx + one.errors[x] * scale);
    if (ratio < -DATA.edge) tax += weights[i] / total;
    if (ratio > DATA.edge) bonus += weights[i] / total;
  });
  return [tax, Math.max(0, 1 - tax - bonus), bonus];
}

/** How often steps of the open panel that began alike were in each phase. @param {number} value @param {string} by
 * @param {string} x @param {string} y @param {string[]} exclude */
function sharesOfLikeSteps(value, by, x, y, exclude) {
  const began = (/** @type {HeldOut} */ one) => (by === "size" ? Math.log10(one.from) : one.start.scores[by === "start_x" ? x : y]);
  const steps = heldOutSteps([x, y]).map((one) => ({ family: one.family, began: began(one),
    phase: phaseOf((one.actual[y] - one.start.scores[y]) / (one.actual[x] - one.start.scores[x])),
    moves: one.actual[x] !== one.start.scores[x] })).filter((one) => one.moves);
  const mean = steps.reduce((sum, one) => sum + one.began, 0) / steps.length;
  const spread = DATA.next.bandwidth * Math.sqrt(steps.reduce((sum, one) => sum + (one.began - mean) ** 2, 0) / steps.length);
  const others = steps.filter((one) => !exclude.includes(one.family));
  const near = others.map((one) => Math.exp(-0.5 * ((value - one.began) / spread) ** 2));
  const total = near.reduce((sum, one) => sum + one, 0);
  return DATA.phases.map((name) => {
    let [happened, plain] = [0, 0];
    others.forEach((one, i) => {
      if (one.phase === name) {
        happened += near[i];
        plain += 1;
      }
    });
    return (happened + plain / others.length) / (total + 1);
  });
}

/** @param {any} ahead @param {any} skill @param {string} x @param {string} y @returns {string[]} */
function aheadLines(ahead, skill, x, y) {
  if (!ahead.scores.length) return ["Not predicted. " + (ahead.note || "The open panel holds none of these benchmarks.")];
  const lines = ["Method: " + ahead.method + ", which led the league of held-out steps (chapter 7). The ranges aim to hold " +
    percent(ahead.level) + "; over the families of the open panel, each held out in turn, they held " + percent(ahead.coverage) + "."];
  if (!Number.isNaN(ahead.p_tax)) {
    const by = skill ? skill.used : "errors";
    const start = { size: "size", start_x: benchmarkTitle(x), start_y: benchmarkTitle(y) };
    lines.push("Phase of that step, " + (by === "errors" ? "by the same errors"
      : "from steps of the open panel that began at a similar " + start[by]) + ": tax " + percent(ahead.p_tax) + ", transition " +
      percent(ahead.p_transition) + ", bonus " + percent(ahead.p_bonus) + ".");
  }
  if (skill) {
    const share = skill.best / skill.frequencies;
    lines.push("Foreseen like this, the phases of " + skill.n + " held-out steps are " + (share >= 1 ? "no better than"
      : share >= 0.8 ? "a little better than" : "better than") + " the plain frequencies of the panel: Brier score " +
      fixed(skill.best, 2) + " against " + fixed(skill.frequencies, 2) + ", where 0 is perfect. By the forecast's errors it is " +
      fixed(skill.score, 2) + ", by the size alone " + fixed(skill.size, 2) + ", by the MMLU that the step starts from " +
      fixed(skill.start_mmlu, 2) + ".");
  }
  if (ahead.not_predicted.length) lines.push("Not predicted: " + ahead.not_predicted.map(benchmarkTitle).join(", ") + ".");
  if (ahead.note) lines.push("Beware: " + ahead.note + ".");
  return lines;
}

/** Scores at a size by the equation, from the largest model with all five. @param {Model[]} ladder @param {number} size
 * @param {string[]} exclude */
function equationAt(ladder, size, exclude) {
  const names = DATA.next.benchmarks;
  const last = ladder.filter((model) => names.every((name) => scoreOf(model, name) !== null)).pop();
  if (!last || !(size > last.params_b)) return null;
  const path = integrate(fitEquation(exclude), names.map((name) => Number(last.scores[name])), last.params_b, [size]);
  const scores = {};
  if (!path.reason) names.forEach((name, i) => { scores[name] = path.scores[0][i]; });
  return { from_params_b: last.params_b, scores: scores, reason: path.reason };
}

/** @param {any} found @param {number} [asked] size to predict, billions */
function nextSize(found, asked) {
  const { ladder, in_panel: exclude, given: { x, y } } = found;
  if (x === y || !ladder.length || (found.problem && ladder.length > 1)) return null;
  const five = DATA.next.benchmarks;
  const columns = benchmarksOf(ladder);
  const known = columns.filter((name) => five.includes(name));
  const method = bestMethod(exclude, known.length < five.length);
  const { trend, equation_name: equation } = DATA.next;
  if (method !== trend && method !== equation) return null;
  const pair = [x, y].filter((name) => known.includes(name));
  const groups = method === equation ? [five] : [...(pair.length ? [pair] : []), ...known.filter((name) => !pair.includes(name)).map((name) => [name])];
  const steps = groups.map((names) => (method === equation ? equationSteps() : heldOutSteps(names))
    .filter((one) => !exclude.includes(one.family)));
  const longest = Math.max(...(groups.length ? steps.flat().map((one) => one.step) : [1]));
  const [smallest, largest] = [ladder[0].params_b, ladder[ladder.length - 1].params_b];
  const ratio = Math.min(10 ** longest, Math.max(1.2, (largest / smallest) ** (1 / Math.max(ladder.length - 1, 1))));
  const size = asked === undefined ? twoDigits(largest * ratio) : asked;
  if (size > DATA.next.largest_b) {
    return { problem: "next size " + general(size) + "B is above " + general(DATA.next.largest_b) +
      "B; sizes are in billions, so a raw count must be divided by 1e9" };
  }
  if (!(size > largest)) {
    return { problem: "next size " + general(size) + "B must be above the largest of the family, " + general(largest) + "B; name a larger one" };
  }
  const [scores, notes, covered] = [[], [], []];
  let [shares, skill] = [[NaN, NaN, NaN], /** @type {any} */ (null)];
  groups.forEach((names, place) => {
    const complete = ladder.filter((model) => names.every((name) => scoreOf(model, name) !== null));
    const last = complete[complete.length - 1];
    if (!last) return;
    const step = Math.log10(size / last.params_b);
    const start = names.map((name) => Number(last.scores[name]));
    let guesses = start;
    if (method === equation) {
      const path = integrate(fitEquation(exclude), start, last.params_b, [size]);
      if (path.reason) {
        notes.push(method + " has no answer: " + path.reason);
        return;
      }
      guesses = path.scores[0];
    } else {
      const slopes = panelTrend(names, exclude);
      guesses = start.map((score, i) => alongTrend(slopes[i], score, last.params_b, size));
    }
    names.forEach((name, i) => {
      if (guesses[i] < 0 || guesses[i] > 100) {
        notes.push(name + ": the method gives " + fixed(guesses[i], 0) + ", for it knows no ends; cut to 0 and 100");
      }
      const cut = (/** @type {number} */ value) => Math.min(100, Math.max(0, value));
      const [low, high] = errorRange(steps[place], name, step);
      scores.push({ benchmark: name, predicted: cut(guesses[i]), low: cut(guesses[i] + low), high: cut(guesses[i] + high),
        families: familyWeights(steps[place].filter((one) => !Number.isNaN(one.errors[name]))).families });
    });
    const quality = DATA.next.quality[method + "|" + names.join(" ")];
    if (names.includes(x) && names.includes(y)) {
      const change = (/** @type {string} */ name) => guesses[names.indexOf(name)] - start[names.indexOf(name)];
      shares = sharesByErrors(change(x), change(y), steps[place], step, x, y);
      skill = quality[2] || null;
      if (skill && skill.used !== "errors") {
        const value = skill.used === "size" ? Math.log10(last.params_b) : Number(last.scores[skill.used === "start_x" ? x : y]);
        shares = sharesOfLikeSteps(value, skill.used, x, y, exclude);
      }
    }
    covered.push(quality);
  });
  if (Math.log10(size / largest) > longest + 1e-9) {
    notes.push("the step is longer than any held out (" + general(10 ** longest, 3) + " times the size), so the ranges are too narrow");
  }
  const tested = covered.reduce((sum, one) => sum + one[1], 0);
  scores.sort((a, b) => columns.indexOf(a.benchmark) - columns.indexOf(b.benchmark));
  const ahead = {
    params_b: size, method: method, level: DATA.next.level,
    coverage: tested ? covered.reduce((sum, one) => sum + one[0] * one[1], 0) / tested : NaN,
    scores: scores, not_predicted: columns.filter((name) => !scores.some((one) => one.benchmark === name)),
    p_tax: shares[0], p_transition: shares[1], p_bonus: shares[2], note: notes.join("; "),
  };
  return {
    ...ahead, lines: aheadLines(ahead, skill, x, y), equation: equationAt(ladder, size, exclude),
    errors: { [trend]: medianError(trend, exclude), [equation]: medianError(equation, exclude) },
    families: Object.keys(DATA.next.errors).filter((family) => !exclude.includes(family)).length,
    skill: skill && { best: skill.best, frequencies: skill.frequencies },
  };
}

PARTS.next_size = (found) => nextSize(found);

/** A smooth line from the largest model to the size predicted: by the method that leads, and by the equation.
 * @param {any} found @param {string} name @param {any} ahead @param {string} method @returns {number[][]} */
function aheadPath(found, name, ahead, method) {
  const { ladder, in_panel: exclude, given: { x, y } } = found;
  // As in the forecast: the pair together, as far as the panel has it.
  const pair = [x, y].filter((one) => DATA.next.benchmarks.includes(one));
  if (!DATA.next.benchmarks.includes(name)) return [];
  const names = method === DATA.next.equation_name ? DATA.next.benchmarks : pair;
  const last = ladder.filter((model) => names.every((one) => scoreOf(model, one) !== null)).pop();
  if (!last) return [];
  const sizes = Array.from({ length: 20 }, (_, i) => (i === 19 ? ahead.params_b : last.params_b * (ahead.params_b / last.params_b) ** ((i + 1) / 20)));
  const start = names.map((one) => Number(last.scores[one]));
  const scores = method === DATA.next.equation_name ? integrate(fitEquation(exclude), start, last.params_b, sizes).scores
    : sizes.map((size) => panelTrend(names, exclude)
      .map((slopes, i) => alongTrend(slopes, start[i], last.params_b, size)));
  return [[last.params_b, Number(last.scores[name])], ...scores.map((row, i) => [sizes[i], Math.min(100, Math.max(0, row[names.indexOf(name)]))])];
}

/** The ladder, the forecast with its range, and the equation's path. @param {any} found @param {any} ahead @param {string} name */
function aheadChart(found, ahead, name) {
  const guess = ahead.scores.find((one) => one.benchmark === name);
  const other = ahead.method !== DATA.next.equation_name && ahead.equation ? ahead.equation.scores[name] : undefined;
  const paths = [ahead.method, ...(other === undefined ? [] : [DATA.next.equation_name])].map((method) => aheadPath(found, name, ahead, method));
  const own = found.ladder.filter((model) => scoreOf(model, name) !== null);
  const words = benchmarkTitle(name) + " by size, percent: " + ladderWords(found, name) + (guess ? "; forecast at " + sizeText(ahead.params_b) + ": " +
    fixed(guess.predicted, 1) + ", range " + fixed(guess.low, 1) + " to " + fixed(guess.high, 1) : "") +
    (other === undefined ? "" : "; by the ODE " + fixed(other, 1)) + ".";
  const chart = sizeChart(name, [...own.map((model) => model.params_b), ahead.params_b],
    [...ladderReach(found, name), ...(guess ? [guess.low, guess.high] : []), ...paths.flat().map((point) => point[1])], words, 98);
  const x = chart.x(ahead.params_b);
  if (guess) chart.svg.append(make("line", { x1: x, x2: x, y1: chart.y(guess.low), y2: chart.y(guess.high), class: "cd-ahead-range" }));
  paths.forEach((path, i) => chartLine(chart, path, i ? "cd-equation" : "cd-ahead"));
  chartLadder(chart, found, name);
  const labels = [];
  if (guess) labels.push({ y: chart.y(guess.predicted), cls: "cd-ahead", words: fixed(guess.predicted, 1) + " forecast" });
  if (other !== undefined) labels.push({ y: chart.y(Math.min(100, Math.max(0, other))), cls: "cd-equation", words: fixed(other, 1) + " ODE" });
  labels.forEach((one) => chart.svg.append(make("circle", { cx: x, cy: one.y, r: 4.5, class: one.cls + "-dot" })));
  // Labels side by side with their dots, and no nearer to each other than a line.
  const [upper, lower] = [...labels].sort((a, b) => a.y - b.y);
  if (lower && lower.y - upper.y < 13) [upper.y, lower.y] = [(upper.y + lower.y) / 2 - 6.5, (upper.y + lower.y) / 2 + 6.5];
  labels.forEach((one) => chart.svg.append(make("text", { x: x + 9, y: one.y + 4, class: one.cls + "-label" }, one.words)));
  return chart.svg;
}

/** @param {HTMLElement} into @param {any} found @param {State} state @param {any} ahead */
function showAhead(into, found, state, ahead) {
  if (!ahead || ahead.problem) {
    into.replaceChildren(make("p", null, ahead ? ahead.problem[0].toUpperCase() + ahead.problem.slice(1) + "."
      : "A ladder with both scores is needed."));
    return;
  }
  const { trend, equation_name: equation } = DATA.next;
  const by = ahead.equation ? ahead.equation.scores : {};
  const head = ["Benchmark", "Forecast, %", percent(ahead.level) + " range", "ODE, %"];
  const rows = ahead.scores.map((one) => make("tr", null, make("th", { scope: "row" }, benchmarkTitle(one.benchmark)),
    make("td", { class: "cd-n" }, make("b", null, fixed(one.predicted, 1))),
    make("td", { class: "cd-n" }, fixed(one.low, 0) + "\u2013" + fixed(one.high, 0)),
    make("td", { class: "cd-n" }, by[one.benchmark] === undefined || ahead.method === equation ? "\u2013" : fixed(by[one.benchmark], 1))));
  const shares = [ahead.p_tax, ahead.p_transition, ahead.p_bonus];
  const why = !ahead.equation ? "It needs one model with all of " + DATA.next.benchmarks.map(benchmarkTitle).join(", ") + "."
    : ahead.equation.reason ? "It has no answer here: " + ahead.equation.reason + "." : "It starts from the scores of your own largest model.";
  into.replaceChildren(
    make("div", { class: "cd-pair" }, ...[state.x, state.y].map((name) => aheadChart(found, ahead, name))),
    ...(Number.isNaN(ahead.p_tax) ? [] : [make("p", { class: "cd-shares" }, make("span", null, "Phase of the step to " + sizeText(ahead.params_b) + ":"),
      ...DATA.phases.map((name, i) => make("span", null, make("i", { class: "cd-key cd-" + name }), name + " " + likely(shares[i])))), phaseBar(shares)]),
    make("div", { class: "cd-scroll", tabindex: "0", role: "region", "aria-label": "Scores at the next size" },
      make("table", { class: "cd-next-table" }, make("thead", null, make("tr", null, ...head.map((words, i) =>
        make("th", { scope: "col", class: i ? "cd-n" : null }, words)))), make("tbody", null, ...rows))),
    make("p", null, "Error one size ahead, the median of " + ahead.families + " families each held out in turn, in percent of the score: " +
      fixed(ahead.errors[trend], 1) + " by the trend (" + trend + "), " + fixed(ahead.errors[equation], 1) + " by the paper\u2019s ODE (" + equation +
      ", chapter 7). " + why),
    make("details", null, make("summary", null, "How far to trust it"), make("ul", { class: "cd-notes" }, ...ahead.lines.map((words) => make("li", null, words)))),
  );
}

/** Sizes from just above the largest model to a hundred times it, evenly in log10. @param {number} largest @param {number} share */
function sliderSize(largest, share) {
  return twoDigits(Math.min(DATA.next.largest_b, largest * 10 ** (0.02 + 1.98 * share)));
}

CARDS.push({ id: "cd-next", title: "Next size", mount: () => {
  const box = make("div");
  const slider = make("input", { id: "cd-next-size", type: "range", min: "0", max: "1", step: "0.01" });
  const label = make("label", { for: "cd-next-size" });
  const usual = make("button", { type: "button" }, "Next of the ladder");
  const controls = make("div", { class: "cd-slide" }, label, slider, usual);
  let [found, state, chosen] = [/** @type {any} */ (null), /** @type {any} */ (null), NaN];
  const draw = () => {
    const last = found.ladder[found.ladder.length - 1];
    if (!(last && chosen > last.params_b)) chosen = NaN;
    const ahead = Number.isNaN(chosen) ? found.next_size : nextSize(found, chosen);
    controls.hidden = !ahead || Boolean(ahead.problem && Number.isNaN(chosen));
    usual.disabled = Number.isNaN(chosen);
    if (!controls.hidden && !ahead.problem) {
      const words = sizeText(ahead.params_b);
      label.replaceChildren("Size to predict: ", make("b", null, words));
      slider.setAttribute("aria-valuetext", words.replace("B", " billion parameters"));
      if (document.activeElement !== slider) slider.value = String((Math.log10(ahead.params_b / last.params_b) - 0.02) / 1.98);
    }
    showAhead(box, found, state, ahead);
  };
  slider.addEventListener("input", () => {
    const largest = found.ladder[found.ladder.length - 1].params_b;
    chosen = sliderSize(largest, Number(slider.value));
    if (!(chosen > largest)) chosen = largest * 1.05;
    draw();
  });
  usual.addEventListener("click", () => {
    chosen = NaN;
    draw();
  });
  return { parts: [controls, box], show: (/** @type {any} */ now, /** @type {State} */ shown) => {
    [found, state] = [now, shown];
    draw();
  } };
} });
