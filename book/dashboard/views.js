// What is drawn: two dashboards, steps, map and cautions. Nothing is computed here, and every text goes in as text.

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Object<string, any>|null} [attributes] @param {...(Node|string)} children @returns {any} */
function make(tag, attributes, ...children) {
  const drawn = ["svg", "g", "line", "rect", "circle", "path", "text", "polyline", "tspan"].includes(tag);
  const element = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  Object.entries(attributes || {}).forEach(([name, value]) => {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  });
  element.append(...children);
  return element;
}

/** A true minus sign. @param {string} text */
function minus(text) {
  return text.replace(/^-/, "\u2212");
}

/** @param {string} model */
function shortModel(model) {
  const tail = model.replace(/\/+$/, "");
  const bare = tail.slice(tail.lastIndexOf("/") + 1) || model;
  return bare.length <= 36 ? bare : bare.slice(0, 33) + "...";
}

/** @param {number} share whole percent, and no certainty that there is not */
function likely(share) {
  if (Number.isNaN(share)) return "?";
  const clipped = Math.min(1, Math.max(0, share));
  return clipped > 0.995 && clipped < 1 ? ">99%" : clipped < 0.005 ? "<1%" : percent(clipped);
}

/** Tax, transition and bonus as one bar; the table or text beside it says the numbers. @param {number[]} shares */
function phaseBar(shares) {
  return make("span", { class: "cd-bar", "aria-hidden": "true" }, ...DATA.phases.map((name, i) =>
    make("span", { class: "cd-" + name, style: "flex-grow:" + Math.max(0, shares[i] || 0).toFixed(4) })));
}

/** The sizes on a line, and what each formula makes of them. @param {any} found */
function sizeStrip(found) {
  const width = 350;
  const at = (/** @type {number} */ billions) => 10 + ((Math.log10(billions) + 2) / 5) * (width - 20); // 0.01B to 1000B
  const svg = make("svg", { viewBox: "0 0 " + width + " 128", class: "cd-strip", role: "img",
    "aria-label": stripWords(found) });
  const rule = (/** @type {string} */ label, /** @type {number} */ top, /** @type {number} */ slope, /** @type {number} */ zero) => {
    const wide = 10 ** (DATA.edge / slope);
    const ends = [0.01, zero / wide, zero * wide, 1000];
    svg.append(make("text", { x: 10, y: top - 6, class: "cd-label" }, label));
    DATA.phases.forEach((name, i) => {
      const left = at(ends[i]);
      svg.append(make("rect", { x: left, y: top, width: at(ends[i + 1]) - left, height: 16, class: "cd-" + name }));
      if (i !== 1) {
        svg.append(make("text", { x: i ? at(1000) - 5 : at(0.01) + 5, y: top + 12, class: "cd-inside",
          "text-anchor": i ? "end" : "start" }, name));
      }
    });
  };
  const dashboard = DATA.lines.dashboard;
  rule("the paper\u2019s dashboard: zero at " + sizeText(dashboardZero()), 20, dashboard.slope, dashboardZero());
  rule("the paper\u2019s text: zero at " + sizeText(DATA.lines.text.critical_b), 60, DATA.lines.text.slope, DATA.lines.text.critical_b);
  found.ladder.forEach((model, i) => {
    const x = Math.min(width - 10, Math.max(10, at(model.params_b)));
    const last = i === found.ladder.length - 1;
    [17, 57].forEach((top) => svg.append(make("line", { x1: x, x2: x, y1: top, y2: top + 22, class: last ? "cd-here" : "cd-tick" })));
  });
  [0.01, 0.1, 1, 10, 100, 1000].forEach((billions) => svg.append(make("text", { x: at(billions), y: 98, class: "cd-axis",
    "text-anchor": billions === 0.01 ? "start" : billions === 1000 ? "end" : "middle" }, general(billions) + "B")));
  svg.append(make("text", { x: width / 2, y: 118, class: "cd-axis", "text-anchor": "middle" },
    "size, billion parameters; the strokes are your models"));
  return svg;
}

/** Billions at which the dashboard's line is zero. */
function dashboardZero() {
  return 10 ** (-DATA.lines.dashboard.intercept / DATA.lines.dashboard.slope - 9);
}

/** @param {any} found */
function stripWords(found) {
  const each = found.ladder.map((model, i) => sizeText(model.params_b) + ": " + found.by_size[i].dashboard.phase + " by the dashboard, " +
    found.by_size[i].text.phase + " by the text");
  return "Phases by size alone. " + (each.join("; ") || "No model yet") + ".";
}

/** @param {HTMLElement} into @param {any} found */
function showSize(into, found) {
  const parts = [];
  if (found.ladder.length) {
    const place = found.ladder.length - 1;
    const size = sizeText(found.ladder[place].params_b);
    const { dashboard, text } = found.by_size[place];
    parts.push(make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-" + dashboard.phase }, dashboard.phase),
      " at " + size + ", coupling " + minus(signed(dashboard.coupling, 2))));
    parts.push(sizeStrip(found));
    const line = DATA.lines.dashboard;
    parts.push(make("p", null, "The dashboard\u2019s formula is " + line.slope + " log\u2081\u2080 N " +
      (line.intercept < 0 ? "\u2212 " : "+ ") + Math.abs(line.intercept) + ", N in parameters. By the formula of the paper\u2019s text, " +
      DATA.lines.text.slope + " log\u2081\u2080 (N / " + DATA.lines.text.critical_b + "B), it is " + text.phase + ", coupling " +
      minus(signed(text.coupling, 2)) + ". Neither reads a score."));
  } else {
    parts.push(make("p", null, "A model with a size and both scores is needed."));
  }
  into.replaceChildren(...parts);
}

/** @param {HTMLElement} into @param {any} found @param {State} state */
function showScores(into, found, state) {
  const last = found.steps[found.steps.length - 1];
  if (!last) {
    into.replaceChildren(...showNoStep(found, state));
    return;
  }
  const shares = [last.p_tax, last.p_transition, last.p_bonus];
  const tied = DATA.phases.filter((name, i) => shares[i] >= Math.max(...shares) - 0.0005);
  const word = last.dx === 0 ? "no coupling" : tied.length > 1 ? tied.join(" or ") : last.phase;
  const colour = last.dx === 0 || tied.length > 1 ? "none" : last.phase;
  into.replaceChildren(
    make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-" + colour }, word),
      " from " + sizeText(last.from_params_b) + " to " + sizeText(last.to_params_b) + (last.dx === 0 ? ""
        : ", coupling " + minus(signed(last.coupling, 2)))),
    phaseBar(shares),
    make("p", { class: "cd-shares" }, ...DATA.phases.map((name, i) => make("span", null,
      make("i", { class: "cd-key cd-" + name }), name + " " + likely(shares[i])))),
    make("p", null, found.headline),
    make("p", { class: "cd-quiet" }, "Plain probabilities: item noise alone, as if every change were equally likely beforehand. ",
      make("code", null, "cape diagnose"), " also weighs how far such steps went in other families."),
  );
}

/** What can be said without a step, and what cannot. @param {any} found @param {State} state */
function showNoStep(found, state) {
  const parts = [make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-none" }, "no step"))];
  if (found.problem) parts.push(make("p", null, found.problem[0].toUpperCase() + found.problem.slice(1) + "."));
  if (found.ladder.length === 1) {
    const model = found.ladder[0];
    const said = [state.x, state.y].map((name) => DATA.benchmarks[name].title + " " + fixed(Number(model.scores[name]), 1) + " \u00b1 " +
      fixed(found.errors[name][0], 1));
    parts.push(make("p", null, "What can be said of " + shortModel(model.model) + ": " + said.join(", ") +
      " (percent, with the standard error of its test items), and its place on the map."));
    parts.push(make("p", null, "What cannot: a coupling and a phase. They are changes from one size to the next."));
  }
  return parts;
}

const REACH = 1.5; // of the scale on which ranges are drawn; what lies beyond is an arrow

/** @param {Step} step @returns {any} */
function rangeMark(step) {
  const at = (/** @type {number} */ value) => 100 + (Math.max(-REACH, Math.min(REACH, value)) / REACH) * 92;
  const svg = make("svg", { viewBox: "0 0 200 22", class: "cd-range", "aria-hidden": "true" },
    make("rect", { x: at(-DATA.edge), width: at(DATA.edge) - at(-DATA.edge), y: 0, height: 22, class: "cd-band" }),
    make("line", { x1: 100, x2: 100, y1: 0, y2: 22, class: "cd-zero" }));
  if (Number.isNaN(step.coupling)) return svg;
  if (!Number.isNaN(step.low)) {
    svg.append(make("line", { x1: at(step.low), x2: at(step.high), y1: 11, y2: 11, class: "cd-reach" }));
    if (step.low < -REACH) svg.append(make("path", { d: "M2 11l7-4v8z", class: "cd-arrow" }));
    if (step.high > REACH) svg.append(make("path", { d: "M198 11l-7-4v8z", class: "cd-arrow" }));
  }
  if (Math.abs(step.coupling) <= REACH) svg.append(make("circle", { cx: at(step.coupling), cy: 11, r: 4.5, class: "cd-dot-" + step.phase }));
  else {
    svg.append(make("path", { d: step.coupling < 0 ? "M1 11l10-6v12z" : "M199 11l-10-6v12z", class: "cd-dot-" + step.phase }));
  }
  return svg;
}

/** @param {HTMLElement} into @param {any} found @param {State} state */
function showSteps(into, found, state) {
  const [first, second] = [DATA.benchmarks[state.x].title, DATA.benchmarks[state.y].title];
  if (!found.steps.length) {
    into.replaceChildren(make("p", null, "No step yet: two sizes with both " + first + " and " + second + " make one."));
    return;
  }
  const head = ["Step", first + ", points", second + ", points", "Coupling, 95% range", "\u2212" + REACH + " \u2026 0 \u2026 +" + REACH,
    "Tax", "Transition", "Bonus"];
  const cell = (/** @type {number} */ place, /** @type {string} */ cls, /** @type {(Node|string)[]} */ ...what) =>
    make("td", { class: cls, "data-label": head[place] }, ...what);
  const rows = found.steps.map((step) => {
    const shares = [step.p_tax, step.p_transition, step.p_bonus];
    const range = step.dx === 0 ? "" : Number.isNaN(step.low) ? "no finite range"
      : minus(signed(step.low, 2)) + " to " + minus(signed(step.high, 2));
    return make("tr", null,
      make("th", { scope: "row", title: step.from_model + " to " + step.to_model },
        sizeText(step.from_params_b) + " \u2192 " + sizeText(step.to_params_b)),
      cell(1, "cd-n", minus(signed(step.dx, 1)) + " \u00b1 " + fixed(step.se_dx, 1)),
      cell(2, "cd-n", minus(signed(step.dy, 1)) + " \u00b1 " + fixed(step.se_dy, 1)),
      cell(3, "cd-n", make("b", null, step.dx === 0 ? "none" : minus(signed(step.coupling, 2))),
        make("span", { class: "cd-quiet" }, " " + range)),
      cell(4, "cd-mark", rangeMark(step)),
      ...shares.map((share, i) => cell(5 + i, "cd-n cd-share" + (step.phase === DATA.phases[i] ? " cd-most cd-ink-" + DATA.phases[i] : ""),
        likely(share))));
  });
  const few = found.steps.filter((step) => !(step.p_x_rises >= DATA.rises));
  const notes = few.map((step) => make("li", null, "From " + sizeText(step.from_params_b) + " to " + sizeText(step.to_params_b) + " " +
    first + (Number.isNaN(step.p_x_rises) ? " does not change" : " rises with a probability of only " + percent(step.p_x_rises)) +
    ", so that the ratio means little there."));
  into.replaceChildren(
    make("div", { class: "cd-scroll", tabindex: "0", role: "region", "aria-label": "Steps from one size to the next" },
      make("table", { class: "cd-steps" }, make("caption", { class: "cd-hidden" }, stepWords(found, state)),
        make("thead", null, make("tr", null, ...head.map((words, i) => make("th", { scope: "col",
          class: i === 4 ? "cd-mark" : i > 0 ? "cd-n" : null }, words)))), make("tbody", null, ...rows))),
    ...(notes.length ? [make("ul", { class: "cd-notes" }, ...notes)] : []),
    make("p", { class: "cd-quiet" }, "The coupling is the change of " + second + " over that of " + first + ": tax below \u2212" + DATA.edge +
      ", bonus above +" + DATA.edge + ", transition between (the shaded band). The range is Fieller\u2019s; where " + first +
      " may not have moved there is none. \u00b1 is one standard error from the number of test items."));
}

/** @param {any} found @param {State} state */
function stepWords(found, state) {
  const each = found.steps.map((step) => sizeText(step.from_params_b) + " to " + sizeText(step.to_params_b) + ": " +
    (step.dx === 0 ? "no coupling" : "coupling " + signed(step.coupling, 2) + ", " + step.phase + " " + likely(probabilityOf(step))));
  return "Change of " + DATA.benchmarks[state.y].title + " with " + DATA.benchmarks[state.x].title + ". " + each.join("; ") + ".";
}

/** Round numbers for an axis. @param {number} low @param {number} high */
function ticks(low, high) {
  const step = [1, 2, 5, 10, 20, 50].find((size) => (high - low) / size <= 7) || 100;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9; at += step) found.push(at);
  return found;
}

/** The map. Its ground is drawn once for a pair and a width; what is typed moves the ladder alone.
 * @param {{box: HTMLElement, ground: string, at: any, dots: any[], here: number}} map @param {any} found @param {State} state */
function showMap(map, found, state) {
  const rows = [...OPEN, ...PAPER].filter((row) => row.scores[state.x] !== null && row.scores[state.y] !== null);
  const width = Math.max(300, Math.min(980, Math.round(map.box.clientWidth || 700)));
  const height = Math.round(Math.min(520, Math.max(320, width * 0.6)));
  const all = [...rows, ...found.ladder];
  const span = (/** @type {string} */ name) => {
    const values = all.map((row) => Number(row.scores[name]));
    return [Math.floor((Math.min(...values) - 1) / 2) * 2, Math.ceil((Math.max(...values) + 1) / 2) * 2];
  };
  const [xs, ys] = [span(state.x), span(state.y)];
  const ground = [state.x, state.y, width, xs, ys].join(" ");
  if (map.ground !== ground) {
    const edge = { left: 44, right: 14, top: 14, bottom: 44 };
    const atX = (/** @type {number} */ v) => edge.left + ((v - xs[0]) / (xs[1] - xs[0])) * (width - edge.left - edge.right);
    const atY = (/** @type {number} */ v) => height - edge.bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (height - edge.top - edge.bottom);
    const svg = make("svg", { viewBox: "0 0 " + width + " " + height, class: "cd-mapping", role: "img" });
    ticks(xs[0], xs[1]).forEach((v) => svg.append(
      make("line", { x1: atX(v), x2: atX(v), y1: edge.top, y2: height - edge.bottom, class: "cd-grid" }),
      make("text", { x: atX(v), y: height - edge.bottom + 16, class: "cd-axis", "text-anchor": "middle" }, String(v))));
    ticks(ys[0], ys[1]).forEach((v) => svg.append(
      make("line", { x1: edge.left, x2: width - edge.right, y1: atY(v), y2: atY(v), class: "cd-grid" }),
      make("text", { x: edge.left - 6, y: atY(v) + 4, class: "cd-axis", "text-anchor": "end" }, String(v))));
    [state.x, state.y].forEach((name, i) => {
      const chance = DATA.benchmarks[name].chance;
      const range = i ? ys : xs;
      if (chance <= range[0] || chance >= range[1]) return;
      svg.append(i ? make("line", { x1: edge.left, x2: width - edge.right, y1: atY(chance), y2: atY(chance), class: "cd-chance" })
        : make("line", { x1: atX(chance), x2: atX(chance), y1: edge.top, y2: height - edge.bottom, class: "cd-chance" }));
      svg.append(i ? make("text", { x: width - edge.right - 4, y: atY(chance) - 5, class: "cd-axis", "text-anchor": "end" },
        "a guesser, " + chance + "%")
        : make("text", { x: atX(chance) + 4, y: edge.top + 10, class: "cd-axis" }, "a guesser, " + chance + "%"));
    });
    svg.append(
      make("text", { x: (edge.left + width - edge.right) / 2, y: height - 8, class: "cd-title", "text-anchor": "middle" },
        DATA.benchmarks[state.x].title + ", percent"),
      make("text", { x: 12, y: (edge.top + height - edge.bottom) / 2, class: "cd-title", "text-anchor": "middle",
        transform: "rotate(-90 12 " + (edge.top + height - edge.bottom) / 2 + ")" }, DATA.benchmarks[state.y].title + ", percent"));
    const dots = rows.map((row, i) => {
      const dot = make("circle", { cx: atX(row.scores[state.x]).toFixed(1), cy: atY(row.scores[state.y]).toFixed(1), r: 4,
        class: "cd-row cd-" + row.panel, "data-place": i });
      svg.append(dot);
      return { row: row, dot: dot };
    });
    const over = make("g", null);
    svg.append(over);
    map.box.querySelector("svg")?.remove();
    map.box.prepend(svg);
    Object.assign(map, { ground: ground, at: { x: atX, y: atY, width: width, edge: edge }, dots: dots, over: over, here: -1, svg: svg });
  }
  drawLadder(map, found, state);
}

/** @param {any} map @param {any} found @param {State} state */
function drawLadder(map, found, state) {
  const { x, y, width, edge } = map.at;
  const parts = [];
  const place = (/** @type {any} */ row) => [x(row.scores[state.x]), y(row.scores[state.y])];
  const taken = [];
  const label = (/** @type {number[]} */ at, /** @type {string} */ text, /** @type {string} */ cls) => {
    const long = text.length * 6.6;
    // The first place of eight around the point that no other label holds.
    const spots = [[9, 4], [9, -9], [9, 17], [-9, 4], [-9, -9], [-9, 17], [0, -12], [0, 22]].map(([dx, dy]) => {
      const left = dx < 0 ? at[0] + dx - long : dx ? at[0] + dx : at[0] - long / 2;
      return { left: left, top: at[1] + dy - 11, x: at[0] + dx, y: at[1] + dy, anchor: dx < 0 ? "end" : dx ? "start" : "middle" };
    }).filter((spot) => spot.left > edge.left && spot.left + long < width - 2);
    const free = spots.find((spot) => !taken.some((one) => spot.left < one[0] + one[2] && one[0] < spot.left + long
      && Math.abs(spot.top - one[1]) < 14));
    if (!free) return;
    taken.push([free.left, free.top, long]);
    parts.push(make("text", { x: free.x, y: free.y, class: cls, "text-anchor": free.anchor }, text));
  };
  const own = found.ladder.map(place);
  own.forEach((at) => taken.push([at[0] - 6, at[1] - 7, 12]));
  found.neighbours.forEach((near) => {
    const line = OPEN.filter((row) => row.one_recipe && row.family === near.family && row.scores[state.x] !== null
      && row.scores[state.y] !== null).map(place);
    parts.push(make("polyline", { points: line.map((at) => at.map((v) => v.toFixed(1)).join(",")).join(" "), class: "cd-near" }));
  });
  if (own.length > 1) {
    parts.push(make("polyline", { points: own.map((at) => at.map((v) => v.toFixed(1)).join(",")).join(" "), class: "cd-own" }));
  }
  own.forEach((at) => parts.push(make("circle", { cx: at[0].toFixed(1), cy: at[1].toFixed(1), r: 5.5, class: "cd-mine" })));
  [...own.keys()].sort((a, b) => Number(b === own.length - 1 || b === 0) - Number(a === own.length - 1 || a === 0))
    .forEach((i) => label(own[i], sizeText(found.ladder[i].params_b), "cd-own-label"));
  found.neighbours.forEach((near) => {
    const line = OPEN.filter((row) => row.one_recipe && row.family === near.family && row.scores[state.x] !== null
      && row.scores[state.y] !== null).map(place);
    label(line[line.length - 1], near.family, "cd-near-label");
  });
  map.over.replaceChildren(...parts);
  map.svg.setAttribute("aria-label", mapWords(found, state, map.dots.length));
}

/** @param {any} found @param {State} state @param {number} dots */
function mapWords(found, state, dots) {
  const own = found.ladder.map((model) => sizeText(model.params_b) + " at " + fixed(Number(model.scores[state.x]), 1) + ", " +
    fixed(Number(model.scores[state.y]), 1));
  return DATA.benchmarks[state.y].title + " against " + DATA.benchmarks[state.x].title + ", both in percent: " + dots +
    " models of the panels as dots" + (own.length ? ", and your ladder from " + own.join("; ") : "") + ". " + nearWords(found);
}

/** @param {any} found */
function nearWords(found) {
  if (!found.neighbours.length) return "No family of the open panel shares two of these sizes.";
  return "Nearest families of the open panel: " + found.neighbours.map((near) => near.family + " (" + fixed(near.distance_pp, 1) +
    " points over " + near.sizes + " sizes)").join(", ") + ".";
}

/** @param {HTMLElement} into @param {any} found */
function showNear(into, found) {
  const held = found.in_panel.length ? " Left out, for holding the same models: " + found.in_panel.join(", ") + "." : "";
  into.textContent = nearWords(found) + held;
}

/** @param {HTMLElement} into @param {any} found @param {string[]} further */
function showCautions(into, found, further) {
  const own = found.cautions.map((one) => one.text + " (" + one.models.map(shortModel).join(", ") + ").");
  const edges = found.ladder.filter((model) => DATA.columns.some((name) => model.scores[name] === 0 || model.scores[name] === 100));
  const all = [...own, ...further];
  if (edges.length) {
    all.push("A score of 0 or 100 leaves no item noise, so a probability that rests on it is too sure (" +
      edges.map((model) => shortModel(model.model)).join(", ") + ").");
  }
  into.replaceChildren(...(all.length ? [make("ul", null, ...all.map((words) => make("li", null, words)))]
    : [make("p", null, found.ladder.length ? "None of the rules fires on these scores." : "No scores yet.")]));
}
