// Normal distribution, item noise, and numbers as Python writes them. Mirrors cape_utils/stats; no constant of the book is typed here.

/** Cephes' rational approximations, which scipy.special.ndtr uses too. */
const ERF_T = [9.60497373987051638749, 9.00260197203842689217e1, 2.23200534594684319226e3, 7.00332514112805075473e3,
  5.55923013010394962768e4];
const ERF_U = [1, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3, 2.26290000613890934246e4,
  4.92673942608635921086e4];
const ERFC_P = [2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687, 4.86371970985681366614e1,
  1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
  5.57535335369399327526e2];
const ERFC_Q = [1, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2, 9.75708501743205489753e2,
  1.82390916687909736289e3, 2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2];

/** @param {number} x @param {number[]} c @returns {number} */
function polynomial(x, c) {
  let value = c[0];
  for (let i = 1; i < c.length; i += 1) value = value * x + c[i];
  return value;
}

/** Standard normal distribution function. @param {number} z @returns {number} */
function normalCdf(z) {
  if (z > 8.4) return 1;
  if (z < -8.4) return 0;
  const x = z * Math.SQRT1_2;
  const a = Math.abs(x);
  if (a < 1) return 0.5 + (0.5 * x * polynomial(x * x, ERF_T)) / polynomial(x * x, ERF_U);
  const tail = (0.5 * Math.exp(-a * a) * polynomial(a, ERFC_P)) / polynomial(a, ERFC_Q);
  return z > 0 ? 1 - tail : tail;
}

/** Logarithm of the standard normal distribution function, where that underflows too. @param {number} z @returns {number} */
function logNormalCdf(z) {
  if (z > -5) return Math.log(normalCdf(z));
  // Laplace's continued fraction of the tail
  let below = -z;
  for (let i = z < -12 ? 20 : 60; i > 0; i -= 1) below = -z + i / below;
  return -z * z / 2 - Math.log(2 * Math.PI) / 2 - Math.log(below);
}

/** @param {number} z @returns {number} */
function normalTail(z) {
  return z > -5 ? normalCdf(z) : Math.exp(logNormalCdf(z));
}

/** P(U < h and V < k) for standard normals of some correlation; on the nodes of the package.
 * @param {number} h @param {number} k @param {number} correlation */
function bothBelow(h, k, correlation) {
  const { nodes, weights, widest } = DATA.legendre;
  const u = Math.min(widest, Math.max(-widest, h));
  const v = Math.min(widest, Math.max(-widest, k));
  const half = Math.asin(Math.min(1, Math.max(-1, correlation))) / 2;
  const [squares, product] = [(u * u + v * v) / 2, u * v];
  let area = 0;
  for (let i = 0; i < nodes.length; i += 1) {
    const sine = Math.sin(half * (1 + nodes[i]));
    area += half * weights[i] * Math.exp(-(squares - product * sine) / (1 - sine * sine));
  }
  return Math.max(0, normalTail(u) * normalTail(v) + area / (2 * Math.PI));
}

/** Probability that two normal numbers have opposite signs. @param {number[]} mean
 * @param {number[]} covariance of the first with itself, with the second, of the second with itself */
function oppositeSigns(mean, covariance) {
  const [sx, sy] = [Math.sqrt(Math.max(covariance[0], 1e-18)), Math.sqrt(Math.max(covariance[2], 1e-18))];
  const [h, k] = [-mean[0] / sx, -mean[1] / sy];
  const share = normalCdf(h) + normalCdf(k) - 2 * bothBelow(h, k, covariance[1] / (sx * sy));
  return Math.min(1, Math.max(0, share));
}

/** @param {number[]} a @param {number[]} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

/** Standard error of a score from its number of items, percentage points. @param {number} score @param {number} items */
function itemError(score, items) {
  const share = Math.min(1, Math.max(0, score / 100));
  return 100 * Math.sqrt((share * (1 - share)) / items);
}

/** Fixed decimals; an exact half goes to the even digit, as in Python. @param {number} value @param {number} digits */
function fixed(value, digits) {
  const long = Math.abs(value).toFixed(60);
  const cut = long.length - 60 + digits;
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (/^50*$/.test(long.slice(cut)) && value !== 0) {
    const kept = digits ? long.slice(0, cut) : long.slice(0, cut - 1);
    if (Number(kept[kept.length - 1]) % 2 === 0) return sign + kept;
  }
  return sign + Math.abs(value).toFixed(digits);
}

/** With a sign, as the format +.1f. @param {number} value @param {number} digits */
function signed(value, digits) {
  const text = fixed(value, digits);
  return text[0] === "-" ? text : "+" + text;
}

/** A share in whole percent, ? where it is not known. @param {number} share */
function percent(share) {
  return Number.isNaN(share) ? "?" : fixed(share * 100, 0) + "%";
}

/** As the format g: so many significant digits, without zeros at the end. @param {number} value @param {number} [digits] */
function general(value, digits) {
  const most = digits || 6;
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return String(value);
  const parts = value.toExponential(most - 1).split("e");
  const power = Number(parts[1]);
  const trim = (/** @type {string} */ text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (power < -4 || power >= most) {
    const size = Math.abs(power);
    return trim(parts[0]) + "e" + (power < 0 ? "-" : "+") + (size < 10 ? "0" : "") + size;
  }
  return trim(fixed(value, most - 1 - power));
}

/** A size in billions. @param {number} billions */
function sizeText(billions) {
  return general(billions, 3) + "B";
}

/** A string as Python shows it. @param {string} text */
function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t").replace(/\r/g, "\\r");
  if (mark === "'") shown = shown.replace(/'/g, "\\'");
  return mark + shown.replace(/\u00a0/g, "\\xa0") + mark;
}
