// Forecasts of the next size: a trend, the equation of paper A, and the errors of both on families held out. Mirrors
// cape_utils/scaling/forecasting and scaling/ode. Fits are sums over families, so that leaving one out is a subtraction.

/** Ladders of the open panel: rows of one recipe with every benchmark, by family and size.
 * @param {string[]} names @param {string[]} exclude @param {number} least models of a ladder */
function openLadders(names, exclude, least) {
  const families = new Map();
  OPEN.forEach((row) => {
    if (!row.one_recipe || exclude.includes(row.family) || names.some((name) => scoreOf(row, name) === null)) return;
    families.set(row.family, [...(families.get(row.family) || []), row]);
  });
  return [...families.keys()].sort().map((family) => families.get(family).sort((a, b) => a.params_b - b.params_b))
    .filter((rows) => rows.length >= least);
}

/** Solve a small linear system; the arguments stay as they are. @param {number[][]} matrix @param {number[]} right */
function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = rows.length;
  for (let i = 0; i < n; i += 1) {
    let best = i;
    for (let j = i + 1; j < n; j += 1) if (Math.abs(rows[j][i]) > Math.abs(rows[best][i])) best = j;
    [rows[i], rows[best]] = [rows[best], rows[i]];
    for (let j = i + 1; j < n; j += 1) {
      const factor = rows[j][i] / rows[i][i];
      for (let k = i; k <= n; k += 1) rows[j][k] -= factor * rows[i][k];
    }
  }
  const found = new Array(n).fill(0);
  for (let i = n - 1; i >= 0; i -= 1) {
    let rest = rows[i][n];
    for (let k = i + 1; k < n; k += 1) rest -= rows[i][k] * found[k];
    found[i] = rest / rows[i][i];
  }
  return found;
}

/** Sums behind a parabola in log10 of size with one level for each family. @param {any[]} rows of a family
 * @param {string[]} names */
function trendSums(rows, names) {
  const mean = (/** @type {number[]} */ all) => all.reduce((sum, one) => sum + one, 0) / all.length;
  const centred = (/** @type {number[]} */ all) => all.map((one) => one - mean(all));
  const size = rows.map((row) => Math.log10(row.params_b));
  const [first, second] = [centred(size), centred(size.map((one) => one * one))];
  const scores = names.map((name) => centred(rows.map((row) => row.scores[name])));
  return [dot(first, first), dot(first, second), dot(second, second),
    ...scores.flatMap((score) => [dot(first, score), dot(second, score)])];
}

/** Slope and curvature for each benchmark. @param {number[][]} sums of the families fitted @returns {number[][]} */
function fitTrend(sums) {
  const total = sums[0].map((_, i) => sums.reduce((sum, one) => sum + one[i], 0));
  const [a, b, c, ...moments] = total;
  return Array.from({ length: moments.length / 2 }, (_, i) => solve([[a, b], [b, c]], moments.slice(2 * i, 2 * i + 2)));
}

const trends = new Map();

/** The trend of the open panel without some families. @param {string[]} names @param {string[]} exclude @returns {number[][]} */
function panelTrend(names, exclude) {
  const key = [...names, "", ...exclude].join("|");
  if (!trends.has(key)) trends.set(key, fitTrend(openLadders(names, exclude, 3).map((rows) => trendSums(rows, names))));
  return trends.get(key);
}

/** A score at another size along a trend that starts at a score. @param {number[]} slopes @param {number} score
 * @param {number} from billions @param {number} to */
function alongTrend(slopes, score, from, to) {
  const [a, b] = [Math.log10(from), Math.log10(to)];
  return slopes[0] * (b - a) + slopes[1] * (b * b - a * a) + score;
}

/** @typedef {{family: string, from: number, to: number, step: number, start: any, errors: Object<string, number>,
 *  predicted: Object<string, number>, actual?: any}} HeldOut  A step of a family that the fit has not seen; errors in points. */

const heldOut = new Map();

/** Every step of the open panel with its own family left out, by the trend. @param {string[]} names @returns {HeldOut[]} */
function heldOutSteps(names) {
  const key = names.join(" ");
  if (!heldOut.has(key)) {
    const ladders = openLadders(names, [], 3);
    const sums = ladders.map((rows) => trendSums(rows, names));
    heldOut.set(key, ladders.flatMap((rows, place) => {
      const slopes = fitTrend(sums.filter((_, i) => i !== place));
      return rows.slice(1).map((row, i) => {
        const [errors, predicted] = [{}, {}];
        names.forEach((name, j) => {
          predicted[name] = alongTrend(slopes[j], rows[i].scores[name], rows[i].params_b, row.params_b);
          errors[name] = row.scores[name] - predicted[name];
        });
        return { family: row.family, from: rows[i].params_b, to: row.params_b, step: Math.log10(row.params_b / rows[i].params_b),
          start: rows[i], actual: row.scores, errors: errors, predicted: predicted };
      });
    }));
  }
  return heldOut.get(key);
}

/** The equation's errors on the same, from the kept table. @returns {HeldOut[]} */
function equationSteps() {
  return DATA.next.equation_steps.map((row) => {
    const errors = {};
    DATA.next.benchmarks.forEach((name, i) => { errors[name] = row[3 + i] === null ? NaN : row[3 + i]; });
    return { family: row[0], from: row[1], to: row[2], step: Math.log10(row[2] / row[1]), start: null, errors: errors, predicted: {} };
  });
}

/** Weights with which every family counts the same. @param {HeldOut[]} steps */
function familyWeights(steps) {
  const counts = new Map();
  steps.forEach((step) => counts.set(step.family, (counts.get(step.family) || 0) + 1));
  return { weights: steps.map((step) => 1 / counts.get(step.family)), families: counts.size };
}

/** Range of the error of one more family, points. @param {HeldOut[]} steps @param {string} name @param {number} step
 * @returns {number[]} */
function errorRange(steps, name, step) {
  const used = steps.filter((one) => !Number.isNaN(one.errors[name]));
  const { weights, families } = familyWeights(used);
  if (families < 2) return [NaN, NaN];
  const wide = Math.min(1, DATA.next.level * (1 + 1 / families));
  const all = used.map((one, i) => [one.errors[name] / Math.sqrt(one.step), weights[i]]).sort((a, b) => a[0] - b[0]);
  const total = weights.reduce((sum, one) => sum + one, 0);
  let sum = 0;
  const places = all.map(([, weight]) => {
    sum += weight;
    return (sum - weight / 2) / total;
  });
  return [(1 - wide) / 2, (1 + wide) / 2].map((share) => interpolate(share, places, all.map((one) => one[0])) * Math.sqrt(step));
}

/** Middle of the errors of a method over families, percent of the score. @param {string} method @param {string[]} exclude */
function medianError(method, exclude) {
  const all = Object.keys(DATA.next.errors).filter((family) => !exclude.includes(family))
    .map((family) => DATA.next.errors[family][DATA.next.methods.indexOf(method)])
    .map((error) => (error === null ? Infinity : error)).sort((a, b) => a - b);
  return (all[Math.floor((all.length - 1) / 2)] + all[Math.floor(all.length / 2)]) / 2;
}

/** Method with the smallest middle error. @param {string[]} exclude @param {boolean} trendsOnly @returns {string} */
function bestMethod(exclude, trendsOnly) {
  const methods = DATA.next.methods.filter((name) => !trendsOnly || !name.includes("ODE"));
  const errors = methods.map((name) => medianError(name, exclude));
  return methods[errors.indexOf(Math.min(...errors))];
}

/** Rates of change by second-order differences for uneven steps. @param {number[]} x @param {number[]} y @returns {number[]} */
function gradient(x, y) {
  const n = x.length;
  const inside = (/** @type {number} */ i) => {
    const [a, b] = [x[i] - x[i - 1], x[i + 1] - x[i]];
    return (-b / (a * (a + b))) * y[i - 1] + ((b - a) / (a * b)) * y[i] + (a / (b * (a + b))) * y[i + 1];
  };
  const edge = (/** @type {number} */ i, /** @type {number} */ way) => {
    const [a, b] = [x[i + way] - x[i], x[i + 2 * way] - x[i + way]];
    return (-(2 * a + b) / (a * (a + b))) * y[i] + ((a + b) / (a * b)) * y[i + way] - (a / (b * (a + b))) * y[i + 2 * way];
  };
  return x.map((_, i) => (i === 0 ? edge(0, 1) : i === n - 1 ? edge(n - 1, -1) : inside(i)));
}

const equations = new Map();

/** Coefficients of the equation, one row for each benchmark: thresholded least squares, as PySINDy's. @param {string[]} exclude
 * @returns {number[][]} */
function fitEquation(exclude) {
  const key = exclude.join("|");
  if (!equations.has(key)) {
    const names = DATA.next.benchmarks;
    const states = [];
    const rates = [];
    openLadders(names, exclude, 3).forEach((rows) => {
      const size = rows.map((row) => Math.log10(row.params_b));
      const change = names.map((name) => gradient(size, rows.map((row) => row.scores[name] / 100)));
      rows.forEach((row, i) => {
        states.push(names.map((name) => row.scores[name] / 100));
        rates.push(change.map((one) => one[i]));
      });
    });
    const gram = names.map((_, a) => names.map((__, b) => states.reduce((sum, row) => sum + row[a] * row[b], 0)));
    const { threshold, ridge, rounds } = DATA.next.equation;
    equations.set(key, names.map((_, target) => {
      const moment = names.map((__, a) => states.reduce((sum, row, i) => sum + row[a] * rates[i][target], 0));
      let kept = names.map((__, a) => a);
      const fit = (/** @type {number} */ penalty) => solve(
        kept.map((a) => kept.map((b) => gram[a][b] + (a === b ? penalty : 0))), kept.map((a) => moment[a]));
      for (let round = 0; round < rounds && kept.length; round += 1) {
        const before = kept;
        const found = fit(ridge);
        kept = before.filter((__, i) => Math.abs(found[i]) >= threshold);
        if (kept.length === before.length) break;
      }
      const last = fit(0);
      return names.map((__, a) => (kept.includes(a) ? last[kept.indexOf(a)] : 0));
    }));
  }
  return equations.get(key);
}

/** Scores along the equation, by the steps of SciPy's solve_ivp (Dormand and Prince). @param {number[][]} coefficients
 * @param {number[]} start percent @param {number} from billions @param {number[]} to rising, above it
 * @returns {{scores: number[][], reason: string}} scores at each size, up to where it diverges, and why it does */
function integrate(coefficients, start, from, to) {
  const { a, b, e, p, tolerance, margin } = DATA.next.equation;
  const rate = (/** @type {number[]} */ state) => coefficients.map((row) => dot(row, state));
  const add = (/** @type {number[]} */ state, /** @type {number[][]} */ slopes, /** @type {number[]} */ weights, /** @type {number} */ h) =>
    state.map((one, i) => one + h * slopes.reduce((sum, slope, s) => sum + weights[s] * slope[i], 0));
  const norm = (/** @type {number[]} */ values, /** @type {number[]} */ scale) =>
    Math.sqrt(values.reduce((sum, one, i) => sum + (one / scale[i]) ** 2, 0) / values.length);
  const inside = (/** @type {number[]} */ state) => margin - Math.max(...state.map((one) => Math.abs(one - 50) - 50));
  const at = to.map(Math.log10);
  const end = at[at.length - 1];
  const scores = [];
  let [t, state, slope] = [Math.log10(from), start, rate(start)];
  const span = end - t;
  const scale = start.map((one) => tolerance + Math.abs(one) * tolerance);
  const [d0, d1] = [norm(start, scale), norm(slope, scale)];
  const h0 = Math.min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1, span);
  const after = rate(start.map((one, i) => one + h0 * slope[i]));
  const d2 = norm(after.map((one, i) => one - slope[i]), scale) / h0;
  const h1 = d1 <= 1e-15 && d2 <= 1e-15 ? Math.max(1e-6, h0 * 1e-3) : (0.01 / Math.max(d1, d2)) ** (1 / 5);
  let reach = Math.min(100 * h0, h1, span);
  while (t < end) {
    let rejected = false;
    let [h, next, slopes, error] = [0, state, [slope], Infinity];
    for (;;) {
      const stop = t + reach > end ? end : t + reach;
      h = stop - t;
      reach = h;
      slopes = [slope];
      for (let s = 1; s < 6; s += 1) slopes.push(rate(add(state, slopes, a[s], h)));
      next = add(state, slopes, b, h);
      slopes.push(rate(next));
      error = norm(add(state.map(() => 0), slopes, e, h),
        state.map((one, i) => tolerance + Math.max(Math.abs(one), Math.abs(next[i])) * tolerance));
      if (!(error >= 1) || reach < 1e-12) break;
      reach *= Math.max(0.2, 0.9 * error ** (-1 / 5));
      rejected = true;
    }
    const factor = error === 0 ? 10 : Math.min(10, 0.9 * error ** (-1 / 5));
    reach *= rejected ? Math.min(1, factor) : factor;
    const [begin, old, length, parts] = [t, state, h, slopes];
    const between = (/** @type {number} */ where) => {
      const x = (where - begin) / length;
      return add(old, parts, p.map((row) => row[0] * x + row[1] * x ** 2 + row[2] * x ** 3 + row[3] * x ** 4), length);
    };
    t += h;
    if (end - t < 1e-14) t = end;
    state = next;
    slope = slopes[6];
    if (!state.every(Number.isFinite)) return { scores: scores, reason: "the integration fails: the rate of change is not finite" };
    const out = inside(state) <= 0;
    let cross = t;
    if (out) {
      let low = begin;
      for (let i = 0; i < 60; i += 1) {
        const middle = (low + cross) / 2;
        if (inside(between(middle)) > 0) low = middle;
        else cross = middle;
      }
    }
    while (scores.length < at.length && at[scores.length] <= cross) scores.push(between(at[scores.length]));
    if (out) return { scores: scores, reason: "a score is " + general(margin) + " points outside 0 to 100 at " + sizeText(10 ** cross) };
  }
  return { scores: scores, reason: "" };
}
