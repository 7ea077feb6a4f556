// The steps from one size to the next.

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
  const [first, second] = [benchmarkTitle(state.x), benchmarkTitle(state.y)];
  if (!found.steps.length) {
    into.replaceChildren(make("p", null, noStepYet(first, second)));
    return;
  }
  const head = [...stepHead(first, second), "Item noise alone"];
  head.splice(4, 0, "\u2212" + REACH + " \u2026 0 \u2026 +" + REACH);
  const calibrated = found.steps.some(isCalibrated);
  const cell = (/** @type {number} */ place, /** @type {string} */ cls, /** @type {(Node|string)[]} */ ...what) =>
    make("td", { class: cls, "data-label": head[place] }, ...what);
  const rows = found.steps.map((step) => {
    const shares = sharesOf(step);
    const [sizes, dx, dy] = stepCells(step);
    return make("tr", null,
      make("th", { scope: "row", title: step.from_model + " to " + step.to_model }, sizes),
      cell(1, "cd-n", dx),
      cell(2, "cd-n", dy),
      cell(3, "cd-n", make("b", null, couplingText(step)), make("span", { class: "cd-quiet" }, " " + rangeText(step))),
      cell(4, "cd-mark", rangeMark(step)),
      ...shares.map((share, i) => cell(5 + i, "cd-n cd-share" + (step.phase === DATA.phases[i] ? " cd-most cd-ink-" + DATA.phases[i] : ""),
        likely(share))),
      ...(calibrated ? [cell(8, "cd-n cd-plain", plainShares(step).map(likely).join(" / "))] : []));
  });
  const notes = stepNotes(found, first).map((words) => make("li", null, words));
  into.replaceChildren(
    make("div", { class: "cd-scroll", tabindex: "0", role: "region", "aria-label": "Steps from one size to the next" },
      make("table", { class: "cd-steps" }, make("caption", { class: "cd-hidden" }, stepWords(found, state)),
        make("thead", null, make("tr", null, ...head.slice(0, calibrated ? 9 : 8).map((words, i) => make("th", { scope: "col",
          class: i === 4 ? "cd-mark" : i > 0 ? "cd-n" : null }, words)))), make("tbody", null, ...rows))),
    ...(notes.length ? [make("ul", { class: "cd-notes" }, ...notes)] : []),
    make("p", { class: "cd-quiet" }, aboutSteps(first, second, " (the shaded band)", calibrated)));
}

/** @param {string} first @param {string} second titles of the pair @returns {string[]} */
function stepHead(first, second) {
  return ["Step", first + ", points", second + ", points", "Coupling, 95% range", "Tax", "Transition", "Bonus"];
}

/** @param {Step} step @returns {string} */
function couplingText(step) {
  return step.dx === 0 ? "none" : minus(signed(step.coupling, 2));
}

/** @param {Step} step @returns {string} */
function rangeText(step) {
  return step.dx === 0 ? "" : Number.isNaN(step.low) ? "no finite range" : minus(signed(step.low, 2)) + " to " + minus(signed(step.high, 2));
}

/** A step as a row of text. @param {Step} step @returns {string[]} */
function stepCells(step) {
  return [sizeText(step.from_params_b) + " \u2192 " + sizeText(step.to_params_b), minus(signed(step.dx, 1)) + " \u00b1 " + fixed(step.se_dx, 1),
    minus(signed(step.dy, 1)) + " \u00b1 " + fixed(step.se_dy, 1), couplingText(step) + (rangeText(step) ? " (" + rangeText(step) + ")" : ""),
    ...sharesOf(step).map(likely)];
}

/** Where the ratio means little. @param {any} found @param {string} first @returns {string[]} */
function stepNotes(found, first) {
  return found.steps.filter((step) => !(step.p_x_rises >= DATA.rises)).map((step) => "From " + sizeText(step.from_params_b) + " to " +
    sizeText(step.to_params_b) + " " + first + (Number.isNaN(step.p_x_rises) ? " does not change"
    : " rises with a probability of only " + percent(step.p_x_rises)) + ", so that the ratio means little there.");
}

/** @param {string} first @param {string} second @param {string} band words on how a transition is drawn
 * @param {boolean} calibrated */
function aboutSteps(first, second, band, calibrated) {
  return "The coupling is the change of " + second + " over that of " + first + ": tax below \u2212" + DATA.edge + ", bonus above +" +
    DATA.edge + ", transition between" + band + ". The range is Fieller\u2019s; where " + first +
    " may not have moved there is none. \u00b1 is one standard error from the number of test items. " + (calibrated
    ? "Tax, transition and bonus are the probability of each phase given these changes, their item noise, and how far such steps go " +
      "in the families of the open panel; item noise alone is too sure."
    : "Tax, transition and bonus are probabilities by item noise alone, as if every change were equally likely beforehand.");
}

/** @param {string} first @param {string} second */
function noStepYet(first, second) {
  return "No step yet: two sizes with both " + first + " and " + second + " make one.";
}

/** @param {any} found @param {State} state */
function stepWords(found, state) {
  const each = found.steps.map((step) => sizeText(step.from_params_b) + " to " + sizeText(step.to_params_b) + ": " +
    (step.dx === 0 ? "no coupling" : "coupling " + signed(step.coupling, 2) + ", " + step.phase + " " + likely(probabilityOf(step))));
  return "Change of " + benchmarkTitle(state.y) + " with " + benchmarkTitle(state.x) + ". " + each.join("; ") + ".";
}

CARDS.push({ id: "cd-steps", title: "Step by step", mount: () => {
  const box = make("div");
  return { parts: [box], show: (found, state) => showSteps(box, found, state) };
}, words: (found, state) => {
  const [first, second] = [benchmarkTitle(state.x), benchmarkTitle(state.y)];
  return found.steps.length ? [stepHead(first, second), ...found.steps.map(stepCells), ...stepNotes(found, first),
    aboutSteps(first, second, "", found.steps.some(isCalibrated))]
    : [noStepYet(first, second)];
} });
