// Your models among those of the frontier: the regression, h with its error, a lab's history, and what to measure next.
// Mirrors frontier/regression, frontier/model_diagnosis and reports/frontier_words.

const [SWE, GPQA] = DATA.frontier.names;

/** The frontier models known, a lab's in the order of their release. */
const RELEASES = DATA.frontier.models.map(([model, lab, released, date, published, ...scores]) => ({ model: model, lab: lab,
  released: released, date: date, published: Boolean(published),
  scores: Object.fromEntries(DATA.frontier.names.map((name, i) => [name, scores[i]])), ...placeOf(scores[0], scores[1]) }));
const LABS = [...new Set(RELEASES.map((one) => one.lab))].sort();

/** The lab with the most of them: the longest history. */
const LONGEST = LABS.reduce((best, lab) => {
  const count = (/** @type {string} */ name) => RELEASES.filter((one) => one.lab === name).length;
  return count(lab) > count(best) ? lab : best;
});

/** The second score on the line. @param {number} swe */
function onLine(swe) {
  return DATA.frontier.line.intercept + DATA.frontier.line.slope * swe;
}

/** Half of a 95% interval around the line: of one more model, or of the line itself. @param {number} swe @param {number} noise */
function halfWidth(swe, noise) {
  const line = DATA.frontier.line;
  return line.t * line.sigma * Math.sqrt(noise + 1 / line.n + (swe - line.mean) ** 2 / line.spread);
}

/** h of two scores and its standard error from their test items. @param {number} swe @param {number} gpqa */
function placeOf(swe, gpqa) {
  const [items, others] = DATA.frontier.items;
  return { h: gpqa - onLine(swe), h_se: Math.hypot(itemError(gpqa, others), DATA.frontier.line.slope * itemError(swe, items)) };
}

/** @param {Model} model */
function located(model) {
  const [swe, gpqa] = [Number(model.scores[SWE]), Number(model.scores[GPQA])];
  const [band, , specialist] = DATA.frontier.bands;
  const { h, h_se } = placeOf(swe, gpqa);
  const [low, high] = [h - DATA.frontier.z * h_se, h + DATA.frontier.z * h_se];
  const half = halfWidth(swe, 1);
  const side = h > band ? "above" : h < -band ? "below" : "on";
  return {
    model: model.model, params_b: model.params_b, x_pct: swe, y_pct: gpqa, h: h, h_low: low, h_high: high,
    expected: onLine(swe), expected_low: onLine(swe) - half, expected_high: onLine(swe) + half,
    position: DATA.frontier.positions[h < -specialist ? 0 : h > specialist ? 2 : 1], usual: Math.abs(h) <= half,
    band: side, band_sure: side === "above" ? low >= band : side === "below" ? high <= -band : low >= -band && high <= band,
  };
}

/** @param {number} low @param {number} high */
function spanText(low, high) {
  return "[" + signed(low, 1) + ", " + signed(high, 1) + "]";
}

/** @param {any} place */
function placeWords(place) {
  const [items, others] = DATA.frontier.items.map((count) => general(count));
  return [
    "h = " + signed(place.h, 1) + " points " + spanText(place.h_low, place.h_high) + ": " + place.position,
    benchmarkTitle(GPQA) + " " + general(place.y_pct) + "%, where the line of " + DATA.frontier.line.n + " models gives " + fixed(place.expected, 1) + "%",
    "The interval is the noise of " + others + " and " + items + " test items alone; it " +
      (place.h_low > 0 || place.h_high < 0 ? "excludes" : "includes") + " zero.",
    "95% of single models lie between " + fixed(Math.max(place.expected_low, 0), 1) + "% and " + fixed(Math.min(place.expected_high, 100), 1) +
      "%; this one is " + (place.usual ? "within" : "outside") + ".",
    "How far the line is more than a common rise of both scores over time: chapter 09_frontier.",
  ];
}

/** The change of h from a lab's latest release. @param {any} place @param {string} lab */
function besideLab(place, lab) {
  const releases = RELEASES.filter((one) => one.lab === lab);
  const last = releases[releases.length - 1];
  const z = DATA.frontier.z;
  const most = DATA.frontier.bands[1];
  const change = place.h - last.h;
  const half = z * Math.hypot((place.h_high - place.h_low) / 2 / z, last.h_se);
  const changed = Math.abs(change) > most;
  return {
    releases: releases.map((one) => [one.model, one.released, one.h, one.h_se]),
    change: change, change_low: change - half, change_high: change + half, changed: changed,
    words: "Change from the latest: " + signed(change, 1) + " " + spanText(change - half, change + half) + ", " +
      (changed ? "more than" : "not more than") + " " + general(most) + " points",
  };
}

/** @param {any} place */
function frontierCautions(place) {
  const line = DATA.frontier.line;
  const half = halfWidth(place.x_pct, 0);
  const title = benchmarkTitle(SWE);
  const band = DATA.frontier.bands[0];
  const found = [];
  if (half > band) {
    found.push("The line of " + line.n + " models is itself known only to \u00b1" + fixed(half, 1) + " points at this " + title +
      ", more than a band of " + general(band) + "; the range of h leaves that out. More models would help.");
  }
  if (place.x_pct < line.low || place.x_pct > line.high) {
    found.push(title + " " + general(place.x_pct) + " lies outside the models of the line, " + general(line.low) + " to " + general(line.high) +
      ", where the line is a guess.");
  }
  return found;
}

/** Models with both scores on the map, the largest against every lab; null where no model has both. @param {any} found */
PARTS.frontier = (found) => {
  const models = found.given.models.filter((model) => Number.isFinite(model.scores[SWE]) && Number.isFinite(model.scores[GPQA]))
    .sort((a, b) => a.params_b - b.params_b).map(located);
  if (!models.length) return null;
  const largest = models[models.length - 1];
  return {
    models: models,
    place: placeWords(largest),
    lab: LABS.find((lab) => lab.toLowerCase() === found.given.family.toLowerCase()) || "",
    labs: Object.fromEntries(LABS.map((lab) => [lab, besideLab(largest, lab)])),
    band: "Band: " + largest.band + " the line (" + general(DATA.frontier.bands[0]) + " points), " +
      (largest.band_sure ? "as far as item noise goes" : "though item noise leaves it open"),
    saturation: DATA.frontier.saturation, next: DATA.frontier.next, trust: DATA.frontier.trust,
    cautions: frontierCautions(largest),
  };
};

/** @param {number} low @param {number} high @param {number} from @param {number} to */
function scaleOf(low, high, from, to) {
  return (/** @type {number} */ value) => from + ((value - low) / (high - low)) * (to - from);
}

/** Known models, the line, and yours. @param {any} part @param {string} lab @param {number} width */
function frontierMap(part, lab, width) {
  const height = Math.round(Math.min(400, Math.max(300, width * 0.7)));
  const own = part ? part.models : [];
  const all = [...RELEASES.map((one) => [one.scores[SWE], one.scores[GPQA]]), ...own.map((one) => [one.x_pct, one.y_pct])];
  const [xs, ys] = [0, 1].map((i) => [Math.max(0, Math.floor(Math.min(...all.map((at) => at[i])) / 5) * 5 - 5), 100]);
  const edge = { left: 40, right: 16, top: 10, bottom: 42 };
  const x = scaleOf(xs[0], xs[1], edge.left, width - edge.right);
  const y = scaleOf(ys[0], ys[1], height - edge.bottom, edge.top);
  const svg = make("svg", { viewBox: "0 0 " + width + " " + height, class: "cd-plot", role: "img", "aria-label": frontierMapWords(part, lab) });
  ticks(xs[0], xs[1]).forEach((v) => svg.append(
    make("line", { x1: x(v), x2: x(v), y1: edge.top, y2: height - edge.bottom, class: "cd-grid" }),
    make("text", { x: x(v), y: height - edge.bottom + 15, class: "cd-axis", "text-anchor": "middle" }, String(v))));
  ticks(ys[0], ys[1]).forEach((v) => svg.append(
    make("line", { x1: edge.left, x2: width - edge.right, y1: y(v), y2: y(v), class: "cd-grid" }),
    make("text", { x: edge.left - 6, y: y(v) + 4, class: "cd-axis", "text-anchor": "end" }, String(v))));
  const path = (/** @type {number[][]} */ points) => points.map((at, i) => (i ? "L" : "M") + x(at[0]).toFixed(1) + " " +
    y(Math.min(ys[1], Math.max(ys[0], at[1]))).toFixed(1)).join("");
  const steps = Array.from({ length: 81 }, (_, i) => xs[0] + (i / 80) * (xs[1] - xs[0]));
  const ends = (/** @type {number} */ sign) => steps.map((swe) => [swe, onLine(swe) + sign * halfWidth(swe, 1)]);
  svg.append(make("path", { d: path([...ends(1), ...ends(-1).reverse()]) + "Z", class: "cd-usual" }),
    make("path", { d: path([[xs[0], onLine(xs[0])], [xs[1], onLine(xs[1])]]), class: "cd-line" }));
  RELEASES.forEach((one) => svg.append(make("circle", { cx: x(one.scores[SWE]).toFixed(1), cy: y(one.scores[GPQA]).toFixed(1),
    r: one.lab === lab ? 4.5 : 3.5, class: one.lab === lab ? "cd-held" : one.published ? "cd-open" : "cd-paper" },
  make("title", null, one.model + ", " + one.lab + ": " + one.scores[SWE] + ", " + one.scores[GPQA]))));
  own.forEach((one) => svg.append(
    make("line", { x1: x(one.x_pct), x2: x(one.x_pct), y1: y(Math.max(ys[0], Math.min(ys[1], one.expected))), y2: y(one.y_pct), class: "cd-tick" }),
    make("circle", { cx: x(one.x_pct), cy: y(one.y_pct), r: 5.5, class: "cd-mine" })));
  const last = own[own.length - 1];
  if (last) {
    // On the side of the dot that is away from the line
    svg.append(make("text", { x: Math.min(width - 60, Math.max(edge.left + 50, x(last.x_pct))), y: y(last.y_pct) + (last.h < 0 ? 20 : -11),
      class: "cd-own-label", "text-anchor": "middle" }, "yours, h " + minus(signed(last.h, 1))));
  }
  svg.append(
    make("text", { x: (edge.left + width - edge.right) / 2, y: height - 8, class: "cd-title", "text-anchor": "middle" }, benchmarkTitle(SWE) + ", percent"),
    make("text", { x: 11, y: (edge.top + height - edge.bottom) / 2, class: "cd-title", "text-anchor": "middle",
      transform: "rotate(-90 11 " + (edge.top + height - edge.bottom) / 2 + ")" }, benchmarkTitle(GPQA) + ", percent"));
  return svg;
}

/** @param {any} part @param {string} lab */
function frontierMapWords(part, lab) {
  const own = part ? part.models.map((one) => shortModel(one.model) + " at " + fixed(one.x_pct, 1) + ", " + fixed(one.y_pct, 1) + ", h " + signed(one.h, 1)) : [];
  return benchmarkTitle(GPQA) + " against " + benchmarkTitle(SWE) + ", both in percent: " + RELEASES.length + " frontier models as dots and the line of " +
    DATA.frontier.line.n + " of them" + (lab ? ", " + lab + "\u2019s releases marked" : "") + (own.length ? ", and yours: " + own.join("; ") : "") + ".";
}

/** h of a lab's releases and of your largest, with item noise. @param {any} part @param {string} lab @param {number} width */
function labHistory(part, lab, width) {
  const z = DATA.frontier.z;
  const rows = RELEASES.filter((one) => one.lab === lab).map((one) => ({ when: one.released.slice(0, 7), name: one.model, h: one.h, half: z * one.h_se, own: false }));
  if (part) {
    const last = part.models[part.models.length - 1];
    rows.push({ when: "yours", name: shortModel(last.model), h: last.h, half: last.h_high - last.h, own: true });
  }
  const band = DATA.frontier.bands[0];
  const reach = Math.ceil(Math.max(band * 2, ...rows.map((row) => Math.abs(row.h) + row.half)) / 5) * 5;
  const left = Math.min(190, width * 0.52);
  const x = scaleOf(-reach, reach, left + 8, width - 14);
  const height = 20 * rows.length + 44;
  const svg = make("svg", { viewBox: "0 0 " + width + " " + height, class: "cd-plot", role: "img", "aria-label": labWords(rows, lab) },
    make("rect", { x: x(-band), width: x(band) - x(-band), y: 0, height: height - 40, class: "cd-usual" }),
    make("line", { x1: x(0), x2: x(0), y1: 0, y2: height - 40, class: "cd-line" }));
  const most = Math.max(8, Math.floor((left - 56) / 6.2));
  rows.forEach((row, i) => {
    const y = 20 * i + 12;
    svg.append(make("text", { x: 0, y: y + 4, class: row.own ? "cd-own-label" : "cd-axis" }, row.when),
      make("text", { x: 54, y: y + 4, class: row.own ? "cd-own-label" : "cd-label" }, row.name.length > most ? row.name.slice(0, most - 1) + "\u2026" : row.name),
      make("line", { x1: x(row.h - row.half), x2: x(row.h + row.half), y1: y, y2: y, class: "cd-reach" }),
      make("circle", { cx: x(row.h), cy: y, r: 4.5, class: row.own ? "cd-mine" : "cd-held" }));
  });
  ticks(-reach, reach).filter((v) => v % 10 === 0).forEach((v) => svg.append(make("text", { x: x(v), y: height - 24, class: "cd-axis",
    "text-anchor": "middle" }, minus(String(v)))));
  svg.append(make("text", { x: (left + width) / 2, y: height - 6, class: "cd-title", "text-anchor": "middle" }, "h, points from the line"));
  return svg;
}

/** @param {{when: string, name: string, h: number, half: number}[]} rows @param {string} lab */
function labWords(rows, lab) {
  return "h of the releases of " + lab + ", by date, in points, with 95% ranges from item noise: " + rows.map((row) => row.when + " " + row.name + " " +
    signed(row.h, 1) + " \u00b1 " + fixed(row.half, 1)).join("; ") + ".";
}

/** Which benchmark still tells the best models apart, and where yours stands on it. @param {any} found */
function axesTable(found) {
  const head = ["Benchmark", "Models known", "Best five spread", "In units of its noise", "Your best"];
  const rows = DATA.frontier.axes.map(([name, title, models, spread, ratio]) => {
    const own = found.given.models.map((model) => model.scores[name]).filter(Number.isFinite);
    const best = Math.max(...own);
    const place = 1 + RELEASES.filter((one) => one.scores[name] > best).length;
    const cells = [String(models), spread === null ? "too few models" : fixed(spread, 1) + " points", ratio === null ? "" : fixed(ratio, 1),
      own.length ? general(best, 4) + "%, place " + place + " of " + (models + 1) : "no score"];
    return make("tr", null, make("th", { scope: "row" }, title), ...cells.map((words) => make("td", { class: "cd-n" }, words)));
  });
  return make("table", { class: "cd-matrix" }, make("caption", { class: "cd-hidden" }, "How well each benchmark tells the best models apart"),
    make("thead", null, make("tr", null, ...head.map((words, i) => make("th", { scope: "col", class: i ? "cd-n" : null }, words)))),
    make("tbody", null, ...rows));
}

/** @param {string} words */
function sentence(words) {
  return /[.!?]$/.test(words) ? words : words + ".";
}

/** @param {HTMLElement} into @param {any} found @param {string} lab */
function showFrontier(into, found, lab) {
  const part = found.frontier;
  const line = DATA.frontier.line;
  const about = "Over " + line.n + " published models " + benchmarkTitle(GPQA) + " rises by " + fixed(line.slope, 2) + " points with each point of " +
    benchmarkTitle(SWE) + " (r = " + fixed(line.r, 2) + " [" + fixed(line.r_low, 2) + ", " + fixed(line.r_high, 2) + "]); the band holds 95% of single models. " +
    "h is the distance from that line.";
  const list = part ? [part.band, ...(lab ? [part.labs[lab].words + " (" + lab + ")"] : []), ...part.cautions] : [];
  const named = [...list, DATA.frontier.saturation, "Axis to measure next: " + DATA.frontier.next, DATA.frontier.trust];
  const [headline, ...rest] = part ? part.place : [];
  const largest = part && part.models[part.models.length - 1];
  const key = (/** @type {string} */ name, /** @type {string} */ words) => make("span", { class: "cd-named" }, make("i", { class: "cd-k cd-k-" + name }), words);
  const legend = make("p", { class: "cd-legend" }, ...(part ? [key("mine", "yours")] : []), ...(lab ? [key("held", lab)] : []),
    key("open", "behind the line"), key("paper", "released later"));
  const map = make("div");
  const history = make("div");
  into.replaceChildren(
    ...(part ? [make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-none" }, (largest.band_sure ? "" : "perhaps ") + largest.band +
      " the line"), shortModel(largest.model) + ", the largest of yours with both scores"), make("p", null, sentence(headline) + " " + rest.map(sentence).join(" "))]
      : [make("p", null, "To place your family here, " + benchmarkTitle(SWE) + " and " + benchmarkTitle(GPQA) + " of one of its models are needed, in percent. " +
        "Until then this shows the " + RELEASES.length + " models known.")]),
    make("div", { class: "cd-halves" }, make("div", null, legend, map, make("p", { class: "cd-quiet" }, about)),
      make("div", null, history, ...(lab ? [make("p", { class: "cd-quiet" }, "Shaded: within " + DATA.frontier.bands[0] +
        " points of the line. Bars: the 95% range that item noise leaves.")] : []))),
    make("h3", null, "Which benchmark still tells models apart"),
    make("div", { class: "cd-scroll", tabindex: "0", role: "region", "aria-label": "Which benchmark still tells models apart" }, axesTable(found)),
    make("ul", { class: "cd-notes" }, ...named.map((words) => make("li", null, sentence(words)))));
  map.append(frontierMap(part, lab, widthOf(map)));
  if (lab) history.append(labHistory(part, lab, widthOf(history)));
}

/** Room for a chart whose text keeps its size. @param {HTMLElement} box */
function widthOf(box) {
  return Math.max(280, Math.min(620, Math.round(box.clientWidth || 560)));
}

CARDS.push({ id: "cd-frontier", title: "Frontier", mount: () => {
  const box = make("div");
  const labs = make("select", { id: "cd-lab" }, ...["", ...LABS].map((lab) => make("option", { value: lab }, lab || "no lab")));
  let found = /** @type {any} */ (null);
  let family = "";
  let chosen = false;
  let drawn = 0;
  const draw = () => {
    drawn = box.clientWidth;
    showFrontier(box, found, labs.value);
  };
  labs.addEventListener("change", () => {
    chosen = true;
    if (found) draw();
  });
  whenResized(box, () => { if (found && box.clientWidth !== drawn) draw(); });
  return {
    parts: [make("p", { class: "cd-field" }, make("label", { for: "cd-lab" }, "Releases to hold it against"), labs), box],
    show: (/** @type {any} */ now) => {
      found = now;
      // A family that bears a lab's name is held against that lab until the reader chooses another.
      if (family !== now.given.family) {
        family = now.given.family;
        const lab = LABS.find((one) => one.toLowerCase() === family.toLowerCase());
        if (lab || !chosen) labs.value = lab || LONGEST;
      }
      draw();
    },
  };
} });
