// Two dashboards, one form: what a size alone says, and what the scores say.

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
    parts.push(make("p", null, formulaWords(text)));
  } else {
    parts.push(make("p", null, NO_SIZE));
  }
  into.replaceChildren(...parts);
}

const NO_SIZE = "A model with a size and both scores is needed.";

/** @param {{phase: string, coupling: number}} text what the formula of the paper's text says */
function formulaWords(text) {
  const line = DATA.lines.dashboard;
  return "The dashboard\u2019s formula is " + line.slope + " log\u2081\u2080 N " +
    (line.intercept < 0 ? "\u2212 " : "+ ") + Math.abs(line.intercept) + ", N in parameters. By the formula of the paper\u2019s text, " +
    DATA.lines.text.slope + " log\u2081\u2080 (N / " + DATA.lines.text.critical_b + "B), it is " + text.phase + ", coupling " +
    minus(signed(text.coupling, 2)) + ". Neither reads a score.";
}

/** @type {Tell} */
function sizeWords(found) {
  const last = found.by_size[found.by_size.length - 1];
  return last ? [["size", "by the dashboard\u2019s formula", "coupling", "by the text\u2019s formula", "coupling"],
    ...found.by_size.map((one, i) => [sizeText(found.ladder[i].params_b), one.dashboard.phase, minus(signed(one.dashboard.coupling, 2)),
      one.text.phase, minus(signed(one.text.coupling, 2))]), formulaWords(last.text)] : [NO_SIZE];
}

/** @param {HTMLElement} into @param {any} found @param {State} state */
function showScores(into, found, state) {
  const last = found.steps[found.steps.length - 1];
  if (!last) {
    into.replaceChildren(...showNoStep(found, state));
    return;
  }
  const shares = sharesOf(last);
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
    make("p", { class: "cd-quiet" }, isCalibrated(last)
      ? "Calibrated: item noise, weighed by how far such steps go in the families of the open panel. From item noise alone: " +
        DATA.phases.map((name, i) => name + " " + likely(plainShares(last)[i])).join(", ") + "."
      : "Plain: item noise alone, as if every change were equally likely beforehand; no other families were learnt from."),
  );
}

/** What can be said without a step, and what cannot. @param {any} found @param {State} state */
function showNoStep(found, state) {
  return [make("p", { class: "cd-verdict" }, make("b", { class: "cd-word-none" }, "no step")),
    ...noStepWords(found, state).map((words) => make("p", null, words))];
}

/** @param {any} found @param {State} state @returns {string[]} */
function noStepWords(found, state) {
  const lines = found.problem ? [found.problem[0].toUpperCase() + found.problem.slice(1) + "."] : [];
  if (found.ladder.length === 1) {
    const model = found.ladder[0];
    const said = [state.x, state.y].map((name) => benchmarkTitle(name) + " " + fixed(Number(model.scores[name]), 1) + " \u00b1 " +
      fixed(found.errors[name][0], 1));
    lines.push("What can be said of " + shortModel(model.model) + ": " + said.join(", ") +
      " (percent, with the standard error of its test items), and its place on the map.");
    if (found.web_distance) lines.push(webSentence(found, state));
    if (found.nearest_models.length) lines.push(nearestWords(found));
    lines.push("What cannot: a coupling, a phase and a critical scale. They are changes from one size to the next.");
  }
  return lines;
}

/** @type {Tell} */
function scoresWords(found, state) {
  const last = found.steps[found.steps.length - 1];
  if (!last) return noStepWords(found, state);
  const shares = sharesOf(last);
  return [found.headline, "Of that step: " + DATA.phases.map((name, i) => name + " " + likely(shares[i])).join(", ") + "."];
}

/** The two that are always on the screen; the rest are CARDS. @type {{id: string, title: string, about: string, words: Tell}[]} */
const DASHBOARDS = [
  { id: "cd-size", title: "What size alone says", about: "The paper\u2019s dashboard", words: sizeWords },
  { id: "cd-scores", title: "What the scores say", about: "This page", words: scoresWords },
];
