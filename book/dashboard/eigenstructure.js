// How many dimensions the scores span, along which axes, and which of them go together. Mirrors scaling/spectrum and
// diagnosis/score_warnings, as page/eigenstructure puts them together.

/** Eigenvalues and unit vectors of a symmetric matrix, largest first, by Jacobi's rotations. @param {number[][]} matrix
 * @returns {{values: number[], vectors: number[][]}} a vector for each value */
function eigen(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => row.slice());
  const v = matrix.map((_, i) => matrix.map((__, j) => Number(i === j)));
  const size = Math.max(...matrix.map((row, i) => Math.abs(row[i])));
  for (let sweep = 0; sweep < 60; sweep += 1) {
    let off = 0;
    for (let p = 0; p < n; p += 1) for (let q = p + 1; q < n; q += 1) off = Math.max(off, Math.abs(a[p][q]));
    if (!(off > Number.EPSILON * 1e-3 * size)) break; // far below what an eigenvalue is known to
    for (let p = 0; p < n; p += 1) {
      for (let q = p + 1; q < n; q += 1) {
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        a[p][p] -= t * a[p][q];
        a[q][q] += t * a[p][q];
        a[p][q] = 0;
        for (let k = 0; k < n; k += 1) {
          const [vp, vq] = [v[k][p], v[k][q]];
          v[k][p] = c * vp - s * vq;
          v[k][q] = s * vp + c * vq;
          if (k === p || k === q) continue;
          const [ap, aq] = [a[k][p], a[k][q]];
          a[k][p] = c * ap - s * aq;
          a[k][q] = s * ap + c * aq;
          a[p][k] = a[k][p];
          a[q][k] = a[k][q];
        }
        a[q][p] = 0;
      }
    }
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v.map((row) => row[i])) };
}

/** An axis has no sign of its own: the first of its largest entries is positive. @param {number[]} vector */
function signedVector(vector) {
  const most = Math.max(...vector.map(Math.abs));
  const lead = vector.find((value) => Math.abs(value) >= most - DATA.eigenstructure.tie);
  return vector.map((value) => value * Math.sign(Number(lead)));
}

/** Ratio, components and correlations of the ladder; null with fewer than three models or two benchmarks that all have.
 * @param {any} found */
PARTS.eigenstructure = (found) => {
  const known = DATA.eigenstructure;
  const ladder = found.ladder;
  const names = benchmarksOf(ladder).filter((name) => ladder.every((model) => scoreOf(model, name) !== null));
  const columns = names.map((name) => ladder.map((model) => Number(model.scores[name])));
  const varies = columns.map((column) => column.some((value) => value !== column[0]));
  const n = ladder.length;
  if (n < known.fewest || names.length < 2 || !varies.some(Boolean)) return null;
  const centred = columns.map((column) => {
    const mean = column.reduce((sum, value) => sum + value, 0) / n;
    return column.map((value) => value - mean);
  });
  const products = centred.map((one) => centred.map((other) => one.reduce((sum, value, i) => sum + value * other[i], 0)));
  const { values, vectors } = eigen(products.map((row) => row.map((value) => value / (n - 1))));
  const eigenvalues = values.map((value) => Math.max(0, value));
  const total = eigenvalues.reduce((sum, value) => sum + value, 0);
  // A value near its neighbour, or near zero, leaves the direction open.
  const ends = [Infinity, ...eigenvalues, 0];
  const apart = ends.slice(1).map((value, i) => Math.abs(ends[i] - value) > known.distinct * total);
  const usual = (known.usual[names.join(",")] || [])[n - known.fewest] || [NaN, NaN];
  const ratio = (total * total) / eigenvalues.reduce((sum, value) => sum + value * value, 0);
  const part = {
    benchmarks: names, n: n, ratio: ratio, ceiling: Math.min(names.length, n - 1), usual_low: usual[0], usual_high: usual[1],
    words: "", eigenvalues: eigenvalues,
    loadings: vectors.slice(0, known.axes).map((vector, k) => (apart[k] && apart[k + 1] ? signedVector(vector) : null)),
    correlations: products.map((row, i) => row.map((value, j) => (varies[i] && varies[j]
      ? value / Math.sqrt(products[i][i] * products[j][j]) : NaN))),
  };
  part.words = dimensionWords(part);
  return part;
};

/** @param {any} part */
function dimensionWords(part) {
  return "Participation ratio " + fixed(part.ratio, 2) + " over " + part.benchmarks.length + " benchmarks and " + part.n +
    " models, of at most " + part.ceiling + ": " + (part.ceiling < part.benchmarks.length ? "so few models cannot show more."
    : "as many as there are benchmarks.") + (Number.isNaN(part.usual_low) ? ""
    : " As many models drawn at random from the open panel give " + fixed(part.usual_low, 1) + " to " + fixed(part.usual_high, 1) + ".");
}

/** The ratio on its scale, with the range of as many models of the panel. @param {any} part */
function ratioMark(part) {
  const at = (/** @type {number} */ value) => 20 + ((value - 1) / (part.ceiling - 1)) * 300;
  const known = !Number.isNaN(part.usual_low);
  const svg = make("svg", { viewBox: "0 0 340 84", class: "cd-chart", role: "img", "aria-label": part.words });
  if (known) {
    svg.append(make("rect", { x: at(part.usual_low), y: 26, width: Math.max(2, at(part.usual_high) - at(part.usual_low)), height: 16, class: "cd-usual" }));
  }
  svg.append(make("line", { x1: at(1), x2: at(part.ceiling), y1: 34, y2: 34, class: "cd-zero" }));
  for (let whole = 1; whole <= part.ceiling; whole += 1) {
    svg.append(make("line", { x1: at(whole), x2: at(whole), y1: 30, y2: 38, class: "cd-zero" }),
      make("text", { x: at(whole), y: 58, class: "cd-axis", "text-anchor": "middle" }, String(whole)));
  }
  const left = at(part.ratio) < 60;
  const right = at(part.ratio) > 280;
  svg.append(make("circle", { cx: at(part.ratio), cy: 34, r: 5.5, class: "cd-mine" }),
    make("text", { x: left ? 12 : right ? 328 : at(part.ratio), y: 18, class: "cd-own-label", "text-anchor": left ? "start" : right ? "end" : "middle" },
      "yours " + fixed(part.ratio, 2)),
    make("text", { x: 170, y: 78, class: "cd-title", "text-anchor": "middle" }, "participation ratio, dimensions"));
  return svg;
}

const COMPONENTS = ["First component", "Second component"];

/** @param {any} part @param {number} k */
function shareOf(part, k) {
  return part.eigenvalues[k] / part.eigenvalues.reduce((sum, value) => sum + value, 0);
}

/** @param {any} part */
function loadingWords(part) {
  return part.loadings.map((loadings, k) => COMPONENTS[k] + ", " + likely(shareOf(part, k)) + " of the variance: " + (loadings
    ? part.benchmarks.map((name, i) => benchmarkTitle(name) + " " + signed(loadings[i], 2)).join(", ") : "no axis of its own")).join(". ") + ".";
}

/** Loadings of the first components as bars from zero. @param {any} part */
function loadingBars(part) {
  const lines = part.loadings.reduce((sum, loadings) => sum + 1.6 + (loadings ? part.benchmarks.length : 1), 0);
  const svg = make("svg", { viewBox: "0 0 340 " + Math.ceil(lines * 19), class: "cd-chart", role: "img", "aria-label": loadingWords(part) });
  const at = (/** @type {number} */ value) => 222 + value * 76;
  let top = 0;
  part.loadings.forEach((loadings, k) => {
    svg.append(make("text", { x: 0, y: top + 15, class: "cd-title" }, COMPONENTS[k] + ", " + likely(shareOf(part, k)) + " of the variance"));
    top += 22;
    if (!loadings) {
      svg.append(make("text", { x: 0, y: top + 13 }, "no axis of its own: these scores leave its direction open"));
      top += 27;
      return;
    }
    svg.append(make("line", { x1: at(0), x2: at(0), y1: top, y2: top + 19 * loadings.length, class: "cd-zero" }));
    loadings.forEach((value, i) => {
      const down = value < 0;
      svg.append(make("text", { x: 0, y: top + 13, class: "cd-label" }, benchmarkTitle(part.benchmarks[i])),
        make("rect", { x: Math.min(at(0), at(value)), y: top + 3, width: Math.abs(at(value) - at(0)), height: 13, class: down ? "cd-tax" : "cd-bonus" }),
        make("text", { x: at(value) + (down ? -4 : 4), y: top + 14, "text-anchor": down ? "end" : "start" }, minus(signed(value, 2))));
      top += 19;
    });
    top += 8;
  });
  return svg;
}

/** The correlation of every two benchmarks. @param {any} part */
function couplingMatrix(part) {
  const titles = part.benchmarks.map((name) => benchmarkTitle(name));
  const chance = DATA.eigenstructure.chance_r[part.n - DATA.eigenstructure.fewest];
  const cell = (/** @type {number} */ r, /** @type {boolean} */ own) => {
    if (own) return make("td", { class: "cd-n cd-quiet" }, "1");
    const clear = Math.abs(r) > chance;
    return make("td", { class: "cd-n" + (clear ? "" : " cd-quiet"), style: clear ? "background:color-mix(in srgb, var(--cd-" +
      (r < 0 ? "tax" : "bonus") + ") " + Math.round(Math.abs(r) * 30) + "%, transparent)" : null }, Number.isNaN(r) ? "none" : minus(signed(r, 2)));
  };
  return make("table", { class: "cd-matrix" }, make("caption", null, "Coupling matrix: correlation of your benchmarks over your " + part.n + " models"),
    make("thead", null, make("tr", null, make("td"), ...titles.map((title, i) => make("th", { scope: "col", class: "cd-n", title: title },
      String(i + 1), make("span", { class: "cd-hidden" }, " " + title))))),
    make("tbody", null, ...titles.map((title, i) => make("tr", null, make("th", { scope: "row" }, (i + 1) + " " + title),
      ...part.correlations[i].map((r, j) => cell(r, i === j))))));
}

/** @param {HTMLElement} into @param {any} found */
function showEigenstructure(into, found) {
  const part = found.eigenstructure;
  if (!part) {
    into.replaceChildren(make("p", null, "Needs three models with two benchmarks that all of them have."));
    return;
  }
  const chance = DATA.eigenstructure.chance_r[part.n - DATA.eigenstructure.fewest];
  into.replaceChildren(make("p", null, part.words),
    make("div", { class: "cd-thirds" }, make("div", null, ratioMark(part), make("p", { class: "cd-quiet" },
      "1 is one common direction; " + part.ceiling + " would be as many independent ones as these scores can show. " +
      (Number.isNaN(part.usual_low) ? "The open panel lacks one of your benchmarks, so there is nothing to hold the ratio against."
        : "The band is the 95% range of as many models of the open panel."))),
    make("div", null, loadingBars(part), make("p", { class: "cd-quiet" },
      "The loading is each benchmark\u2019s weight in the component, from \u22121 to +1. A component has no sign of its own: its largest loading is drawn to the right.")),
    make("div", null, make("div", { class: "cd-scroll", tabindex: "0", role: "region", "aria-label": "Coupling matrix" }, couplingMatrix(part)),
      make("p", { class: "cd-quiet" }, "Shaded beyond \u00b1" + general(chance, chance > 0.99 ? 3 : 2) + ", which " + part.n +
        " independent models would pass by chance once in twenty. Models of one ladder all grow, so a correlation near 1 says little more than that."))));
}

CARDS.push({ id: "cd-eigenstructure", title: "Eigenstructure", mount: () => {
  const box = make("div");
  return { parts: [box], show: (found) => showEigenstructure(box, found) };
} });
