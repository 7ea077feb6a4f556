// The critical scale: where the second score turns from falling to rising. Mirrors cape_utils: diagnosis/turning_point,
// diagnosis/steps and page/critical_scale.

const knownSlopes = new Map();

/** Points that a score changes over a decade of size in the open panel, root mean square without item noise; NaN if unknown.
 * @param {string} name @param {string[]} exclude @returns {number} */
function typicalSlope(name, exclude) {
  const key = [name, ...exclude].join("|");
  if (!knownSlopes.has(key)) {
    let [total, length] = [0, 0];
    const items = benchmark(name).items;
    const noise = (/** @type {number} */ score) => itemError(score, items) ** 2 || 0; // none is taken off where it is not known
    openLadders([name], exclude, 1).forEach((rows) => rows.slice(1).forEach((row, i) => {
      total += (row.scores[name] - rows[i].scores[name]) ** 2 - noise(row.scores[name]) - noise(rows[i].scores[name]);
      length += Math.log10(row.params_b / rows[i].params_b) ** 2;
    }));
    knownSlopes.set(key, Math.sqrt(Math.max(total, 0) / length) || NaN);
  }
  return knownSlopes.get(key);
}

/** Chi-squared of the best curve that never falls, or never rises: pool adjacent violators. @param {number[]} score
 * @param {number[]} weight */
function monotoneMisfit(score, weight) {
  const misfit = (/** @type {number} */ sign) => {
    const pools = [];
    score.forEach((value, i) => {
      pools.push({ level: sign * value, weight: weight[i], count: 1 });
      while (pools.length > 1 && pools[pools.length - 2].level > pools[pools.length - 1].level) {
        const [b, a] = [pools.pop(), pools.pop()];
        const both = a.weight + b.weight;
        pools.push({ level: (a.level * a.weight + b.level * b.weight) / both, weight: both, count: a.count + b.count });
      }
    });
    let [at, total] = [0, 0];
    pools.forEach((pool) => {
      for (let i = 0; i < pool.count; i += 1, at += 1) total += weight[at] * (sign * score[at] - pool.level) ** 2;
    });
    return total;
  };
  return Math.min(misfit(1), misfit(-1));
}

/** Average the place of the turn over a parabola and two straight lines; see turning_point.py. @param {number[]} size log10, rising
 * @param {number[]} score @param {number[]} error @param {number} slope */
function turningPoint(size, score, error, slope) {
  const n = size.length;
  const places = DATA.scale.places;
  const step = (size[n - 1] - size[0]) / places;
  const edges = Array.from({ length: places + 1 }, (_, i) => (i === places ? size[n - 1] : size[0] + i * step));
  const norm = Math.sqrt(error.reduce((sum, one) => sum + one ** -2, 0));
  const level = error.map((one) => 1 / one / norm);
  // The level is free, so only what differs from a constant counts.
  const whitened = score.map((value, i) => value / error[i]);
  const along = dot(level, whitened);
  const target = whitened.map((value, i) => value - level[i] * along);
  const white = error.map((one) => 1 / one);
  const [bowl, left, right] = [0, 0, 0].map(() => new Float64Array(n));
  const all = edges.slice(1).map((edge, i) => {
    const place = (edge + edges[i]) / 2;
    let [alongBowl, alongLeft, alongRight] = [0, 0, 0];
    for (let k = 0; k < n; k += 1) {
      const away = size[k] - place;
      bowl[k] = white[k] * away * away;
      left[k] = away < 0 ? -white[k] * away : 0;
      right[k] = away > 0 ? white[k] * away : 0;
      alongBowl += level[k] * bowl[k];
      alongLeft += level[k] * left[k];
      alongRight += level[k] * right[k];
    }
    const at = { bb: 0, by: 0, ll: 0, rr: 0, lr: 0, ly: 0, ry: 0 };
    for (let k = 0; k < n; k += 1) {
      const [b, l, r] = [bowl[k] - level[k] * alongBowl, left[k] - level[k] * alongLeft, right[k] - level[k] * alongRight];
      at.bb += b * b;
      at.by += b * target[k];
      at.ll += l * l;
      at.rr += r * r;
      at.lr += l * r;
      at.ly += l * target[k];
      at.ry += r * target[k];
    }
    return at;
  });
  const tt = dot(target, target);
  const one = (/** @type {number} */ along, /** @type {number} */ square) => tt - Math.max(0, along) ** 2 / Math.max(square, 1e-300);
  const misfits = [Infinity, Infinity];
  all.forEach(({ bb, by, ll, rr, lr, ly, ry }) => {
    misfits[0] = Math.min(misfits[0], one(by, bb));
    const det = ll * rr - lr * lr;
    const [falls, climbs] = [(rr * ly - lr * ry) / det, (ll * ry - lr * ly) / det];
    const turns = det > 1e-9 * ll * rr && falls >= 0 && climbs >= 0;
    misfits[1] = Math.min(misfits[1], turns ? tt - falls * ly - climbs * ry : Math.min(one(ly, ll), one(ry, rr)));
  });
  // With four sizes two lines through a free turn fit anything, so that the misfit tells nothing.
  const square = n > 4 ? Math.max(1, Math.min(misfits[0] / (n - 3), misfits[1] / (n - 4))) : 1;
  const prior = slope ** -2;
  const evidence = all.map((at) => {
    const [bb, by, ll, rr, lr, ly, ry] = [at.bb, at.by, at.ll, at.rr, at.lr, at.ly, at.ry].map((value) => value / square);
    const precision = bb + prior;
    const mean = by / precision;
    const [a, b] = [ll + prior, rr + prior];
    const det = a * b - lr * lr;
    const [falls, climbs] = [(b * ly - lr * ry) / det, (a * ry - lr * ly) / det];
    const inside = bothBelow(falls / Math.sqrt(b / det), climbs / Math.sqrt(a / det), -lr / Math.sqrt(a * b));
    return [
      mean * mean * precision / 2 - Math.log(precision) / 2 - Math.log(slope) + logNormalCdf(mean * Math.sqrt(precision)) + Math.log(2),
      (falls * ly + climbs * ry) / 2 - Math.log(det) / 2 - 2 * Math.log(slope) + Math.log(Math.max(4 * inside, 1e-300)),
    ];
  });
  const most = Math.max(...evidence.map((pair) => Math.max(...pair)));
  const weights = evidence.map((pair) => pair.map((value) => Math.exp(value - most)));
  const total = weights.reduce((sum, pair) => sum + pair[0] + pair[1], 0);
  const below = [0];
  weights.forEach((pair) => below.push(below[below.length - 1] + (pair[0] + pair[1]) / total));
  const [low, median, high] = [0.025, 0.5, 0.975].map((share) => interpolate(share, below, edges));
  return {
    low: low, median: median, high: high, stretch: Math.sqrt(square),
    lead: (monotoneMisfit(score, error.map((sd) => sd ** -2)) - Math.min(...misfits)) / square,
    parabola: weights.reduce((sum, pair) => sum + pair[0], 0) / total,
  };
}

/** Probability that a least-squares parabola turns up between the sizes, opens downward, or turns up elsewhere.
 * @param {number[]} size @param {number[]} score @param {number[]} error */
function parabolaShares(size, score, error) {
  const middle = size.reduce((sum, one) => sum + one, 0) / size.length;
  const t = size.map((one) => one - middle);
  const [second, third] = [2, 3].map((power) => t.reduce((sum, one) => sum + one ** power, 0));
  // What is left of the square once level and slope are taken out
  const bow = t.map((one) => one * one - (third / second) * one - second / t.length);
  const bends = bow.map((one) => one / dot(bow, bow));
  const slopes = t.map((one, i) => one / second - (bends[i] * third) / second);
  const spread = (/** @type {number[]} */ a, /** @type {number[]} */ b) => a.reduce((sum, one, i) => sum + one * b[i] * error[i] ** 2, 0);
  const downward = normalCdf(-dot(bends, score) / Math.sqrt(spread(bends, bends)));
  const [first, last] = [t[0], t[t.length - 1]].map((end) => slopes.map((one, i) => one + 2 * bends[i] * end));
  const [sf, sl] = [Math.sqrt(spread(first, first)), Math.sqrt(spread(last, last))];
  const valid = Math.min(bothBelow(-dot(first, score) / sf, dot(last, score) / sl, -spread(first, last) / (sf * sl)), 1 - downward);
  return { valid: valid, downward: downward, outside: Math.max(0, 1 - valid - downward) };
}

/** Why there is no turn. @param {Model[]} ladder @param {string} y @param {number} lead
 * @param {{valid: number, downward: number, outside: number}} shares */
function whyNoTurn(ladder, y, lead, shares) {
  const change = ladder.slice(1).map((model, i) => Number(model.scores[y]) - Number(ladder[i].scores[y]));
  const name = benchmarkTitle(y);
  const ends = sizeText(ladder[0].params_b) + " and " + sizeText(ladder[ladder.length - 1].params_b);
  if (change.every((one) => one >= 0) || change.every((one) => one <= 0)) {
    return name + " never " + (change.every((one) => one >= 0) ? "falls" : "rises") +
      " from one size to the next, so there is no turn between " + ends;
  }
  const valid = 1 - shares.downward - shares.outside;
  if (shares.downward > Math.max(valid, shares.outside)) {
    return "the parabola opens downward in " + percent(shares.downward) + " of the draws: " + name + " need not fall first and rise later";
  }
  if (shares.outside > valid) return "the lowest point lies outside " + ends + " in " + percent(shares.outside) + " of the draws";
  return "a curve that never turns fits the scores nearly as well: chi-squared is " + fixed(Math.max(lead, 0), 1) + " larger, and " +
    fixed(DATA.scale.min_lead, 1) + " would tell";
}

/** @param {any} scale @returns {string[]} */
function scaleLines(scale) {
  const lines = [scale.identified
    ? "Critical scale of this family: " + sizeText(scale.estimate) + " (95% range " + sizeText(scale.low) + " to " + sizeText(scale.high) +
      "), where a curve through " + scale.n + " sizes turns from falling to rising."
    : "Critical scale of this family: not identified, because " + scale.reason + "."];
  if (!Number.isNaN(scale.lead)) {
    lines.push("The best curve that turns between the sizes fits " + (scale.lead >= 0 ? "better" : "worse") +
      " than the best that never does, by " + fixed(Math.abs(scale.lead), 1) + " in chi-squared; we ask for " +
      fixed(DATA.scale.min_lead, 1) + " or more, and its range must span less than " + percent(DATA.scale.widest) + " of the sizes.");
    lines.push("Two shapes are averaged by how well they fit, a parabola and two straight lines; the parabola has " +
      percent(scale.p_parabola) + " of the weight. Alone, it turns between the sizes in " + percent(scale.p_valid) +
      " of all draws of item noise, opens downward in " + percent(scale.p_downward) + " and turns elsewhere in " +
      percent(scale.p_outside) + ".");
  }
  if (scale.stretch > 1.05) {
    lines.push("Both shapes miss the scores by " + fixed(scale.stretch, 1) + " times their item noise, which was widened to match.");
  }
  return [...lines, "The range holds item noise alone; chapter 12 says how often it holds a turn that is known."];
}

/** @param {any} found */
function criticalScale(found) {
  if (found.problem) return null;
  const { ladder, in_panel: exclude, given: { y } } = found;
  const n = ladder.length;
  const scale = { estimate: NaN, low: NaN, high: NaN, n: n, identified: false, reason: "", stretch: NaN, lead: NaN, p_valid: NaN,
    p_downward: NaN, p_outside: NaN, p_parabola: NaN, lines: /** @type {string[]} */ ([]) };
  if (n < 3) {
    scale.reason = "a turn needs at least 3 sizes, and there are " + n;
  } else if (ladder.some((model) => !Number.isFinite(itemsOf(model, y)))) {
    scale.reason = "the number of test items of " + benchmarkTitle(y) + " is not known, so its noise is not either";
  } else {
    const size = ladder.map((model) => Math.log10(model.params_b));
    const score = ladder.map((model) => Number(model.scores[y]));
    // A score of 0 or 100 counts as half an item away from there, as where scores are drawn.
    const error = score.map((one, i) => {
      const items = itemsOf(ladder[i], y);
      return itemError(Math.min(100 - 50 / items, Math.max(50 / items, one)), items);
    });
    let slope = typicalSlope(y, exclude);
    if (Number.isNaN(slope)) {
      const square = (/** @type {number[]} */ all) => all.slice(1).reduce((sum, one, i) => sum + (one - all[i]) ** 2, 0);
      slope = Math.max(1, Math.sqrt(square(score) / square(size)));
    }
    const turn = turningPoint(size, score, error, slope);
    const shares = parabolaShares(size, score, error.map((one) => turn.stretch * one));
    turn.lead = Math.round(turn.lead * DATA.scale.unit) / DATA.scale.unit;
    const spans = (turn.high - turn.low) / (size[n - 1] - size[0]);
    if (turn.lead < DATA.scale.min_lead) scale.reason = whyNoTurn(ladder, y, turn.lead, shares);
    else if (spans > DATA.scale.widest) {
      scale.reason = "a turn anywhere from " + sizeText(10 ** turn.low) + " to " + sizeText(10 ** turn.high) + " fits the scores, " +
        percent(spans) + " of the sizes there are";
    }
    if (!scale.reason) Object.assign(scale, { estimate: 10 ** turn.median, low: 10 ** turn.low, high: 10 ** turn.high, identified: true });
    Object.assign(scale, { stretch: turn.stretch, lead: turn.lead, p_valid: shares.valid, p_downward: shares.downward,
      p_outside: shares.outside, p_parabola: turn.parabola });
  }
  scale.lines = scaleLines(scale);
  return scale;
}

PARTS.critical_scale = criticalScale;

/** @param {HTMLElement} into @param {any} found @param {State} state */
function showScale(into, found, state) {
  const scale = found.critical_scale;
  if (!scale) {
    into.replaceChildren(make("p", null, "A turn needs at least three sizes with " + benchmarkTitle(state.y) + "."));
    return;
  }
  const [first, ...others] = scale.lines;
  const chart = sizeChart(state.y, found.ladder.map((model) => model.params_b), ladderReach(found, state.y),
    benchmarkTitle(state.y) + " by size, percent: " + ladderWords(found, state.y) + ". " + first);
  if (scale.identified) {
    const [from, to] = [chart.x(scale.low), chart.x(scale.high)];
    chart.svg.append(make("rect", { x: from, width: Math.max(2, to - from), y: chart.top, height: chart.bottom - chart.top, class: "cd-band" }),
      make("line", { x1: chart.x(scale.estimate), x2: chart.x(scale.estimate), y1: chart.top, y2: chart.bottom, class: "cd-turn" }));
    const middle = Math.min(chart.right - 62, Math.max(chart.left + 62, chart.x(scale.estimate)));
    chart.svg.append(make("text", { x: middle, y: chart.top + 12, class: "cd-label", "text-anchor": "middle" },
      sizeText(scale.estimate) + " (" + sizeText(scale.low) + " to " + sizeText(scale.high) + ")"));
  }
  chartLadder(chart, found, state.y);
  into.replaceChildren(make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-none" },
    scale.identified ? sizeText(scale.estimate) : "not identified")), chart.svg, make("p", null, first),
  make("details", null, make("summary", null, "How it was found"), make("ul", { class: "cd-notes" }, ...others.map((words) => make("li", null, words)))));
}

CARDS.push({ id: "cd-scale", title: "Critical scale", half: true, mount: () => {
  const box = make("div");
  return { parts: [box], show: (found, state) => showScale(box, found, state) };
} });
