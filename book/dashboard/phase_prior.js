// How far two scores truly change from one size to the next, as the steps of the open panel show it, and the phase of a step
// given that. Mirrors cape_utils/diagnosis/phase_prior and page/prior, which says how families are left out.

/** @typedef {{mean: number[][], logSd: number[][], correlation: number, wideShare: number, wideFactor: number}} Prior
 *  Means and logarithms of standard deviations for each score: at 1B, and what a decade of size adds. */

const priors = new Map();

/** What the steps of the panel say of a pair without some families; null where they are too few.
 * @param {string} x @param {string} y @param {string[]} exclude @returns {Prior|null} */
function panelPrior(x, y, exclude) {
  const key = [x, y, ...exclude].join("|");
  if (!priors.has(key)) priors.set(key, learntPrior(x, y, exclude));
  return priors.get(key);
}

/** @param {string} x @param {string} y @param {string[]} exclude @returns {Prior|null} */
function learntPrior(x, y, exclude) {
  const straight = DATA.prior.pairs[x + " " + y];
  const known = straight || DATA.prior.pairs[y + " " + x];
  if (!known) return null;
  const free = [...known.free];
  let steps = known.steps;
  const families = exclude.filter((family) => known.left_out[family]);
  const together = families.join(DATA.prior.and);
  (known.left_out[together] ? [together] : families).forEach((name) => {
    const moves = known.left_out[name];
    free.forEach((value, i) => { free[i] = value + moves[i] / DATA.prior.unit; });
    steps -= moves[free.length];
  });
  if (steps < DATA.prior.min_steps) return null;
  const [first, second] = straight ? [0, 2] : [2, 0];
  return {
    mean: [first, second].map((at) => free.slice(at, at + 2)),
    logSd: [first, second].map((at) => free.slice(4 + at, 6 + at)),
    correlation: DATA.prior.correlated * Math.tanh(free[8]),
    wideShare: 1 / (1 + Math.exp(-free[9])),
    wideFactor: 1 + Math.log1p(Math.exp(-Math.abs(free[10]))) + Math.max(0, free[10]),
  };
}

/** Probability that the ratio of two normal changes lies in each phase. @param {number[]} mean
 * @param {number[]} covariance of x with x, x with y, y with y @returns {number[]} */
function phaseAngles(mean, covariance) {
  const [xx, xy, yy] = covariance;
  const [tax, notBonus] = [DATA.edge, -DATA.edge].map((tilt) =>
    // y / x < -tilt where x and y + tilt * x have opposite signs.
    oppositeSigns([mean[0], tilt * mean[0] + mean[1]], [xx, tilt * xx + xy, tilt * tilt * xx + 2 * tilt * xy + yy]));
  const bonus = 1 - notBonus;
  return [tax, Math.max(0, 1 - tax - bonus), bonus];
}

/** Probability of each phase given the changes measured and how far such steps go in other families; NaN without a prior.
 * @param {Prior|null} prior @param {{dx: number, dy: number, se_dx: number, se_dy: number, from_params_b: number,
 * to_params_b: number}} step @returns {number[]} */
function weighedPhases(prior, step) {
  // A first score that surely does not move leaves no ratio, and nothing but rounding behind its probabilities.
  if (!prior || (step.dx === 0 && step.se_dx === 0) || [step.dx, step.dy, step.se_dx, step.se_dy].some(Number.isNaN)) return [NaN, NaN, NaN];
  const n = Math.log10(step.from_params_b);
  const r = Math.log10(step.to_params_b) - n;
  const mean = prior.mean.map((line) => r * (line[0] + line[1] * n));
  const sd = prior.logSd.map((line) => Math.sqrt(r) * Math.exp(line[0] + line[1] * n));
  const miss = [step.dx - mean[0], step.dy - mean[1]];
  const parts = [[1, 1 - prior.wideShare], [prior.wideFactor, prior.wideShare]].map(([wide, share]) => {
    const [a, b, c] = [(wide * sd[0]) ** 2, (wide * sd[1]) ** 2, wide * wide * sd[0] * sd[1] * prior.correlation];
    const [ta, tb] = [a + step.se_dx ** 2, b + step.se_dy ** 2];
    const det = ta * tb - c * c;
    // Covariance times the inverse of the total, row by row
    const gain = [(a * tb - c * c) / det, (c * ta - a * c) / det, (c * tb - b * c) / det, (b * ta - c * c) / det];
    return {
      shares: phaseAngles(
        [mean[0] + gain[0] * miss[0] + gain[1] * miss[1], mean[1] + gain[2] * miss[0] + gain[3] * miss[1]],
        [a - gain[0] * a - gain[1] * c, c - gain[0] * c - gain[1] * b, b - gain[2] * c - gain[3] * b]),
      weight: Math.log(share) - ((tb * miss[0] ** 2 - 2 * c * miss[0] * miss[1] + ta * miss[1] ** 2) / det + Math.log(det)) / 2,
    };
  });
  const most = Math.max(parts[0].weight, parts[1].weight);
  const weights = parts.map((part) => Math.exp(part.weight - most));
  return DATA.phases.map((_, i) => (weights[0] * parts[0].shares[i] + weights[1] * parts[1].shares[i]) / (weights[0] + weights[1]));
}
