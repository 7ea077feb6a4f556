// What to do, and how far to trust it. Mirrors diagnosis/advice; the words are the package's.

/** @typedef {{x: string, y: string, scores: {params_b: number}[], last: any, cautions: any[], distance: any, next_size: any}} Facts
 *  As much of a diagnosis as the rules read; distance and next_size may be null. */

/** Probability of each phase by its name. @param {Step} step @returns {Object<string, number>} */
function namedShares(step) {
  return Object.fromEntries(sharesOf(step).map((share, i) => [DATA.phases[i], share]));
}

/** @param {Facts} facts */
function stepTrigger(facts) {
  const last = facts.last;
  const noise = Number.isNaN(last.se_dy) ? "" : " (standard error " + fixed(last.se_dy, 1) + ")";
  return "from " + general(last.from_params_b) + "B to " + general(last.to_params_b) + "B " + benchmarkTitle(facts.x) + " changes by " +
    signed(last.dx, 1) + " points and " + benchmarkTitle(facts.y) + " by " + signed(last.dy, 1) + noise;
}

/** @param {Facts} facts @returns {string} */
function clearTax(facts) {
  const tax = namedShares(facts.last).tax;
  return tax >= DATA.interventions.clear ? stepTrigger(facts) + ": tax with probability " + percent(tax) : "";
}

/** @param {any} caution */
function cautionTrigger(caution) {
  return caution.text + " (" + caution.models.join(", ") + ")";
}

/** What makes each rule fire, in numbers; empty where it does not. @type {Object<string, (facts: Facts) => string>} */
const RULES = {
  measure_more: (facts) => {
    const reasons = [];
    const shares = Object.values(namedShares(facts.last));
    const most = shares.some(Number.isNaN) ? NaN : Math.max(...shares);
    if (!(most >= DATA.interventions.clear)) {
      reasons.push(Number.isNaN(most) ? "the number of test items of one of the two benchmarks is not known, so no phase has a probability"
        : stepTrigger(facts) + ": the likeliest phase, " + facts.last.phase + ", has a probability of " + percent(most));
    }
    // A TruthfulQA score near chance is no weakness: good and bad models pass it on their way.
    reasons.push(...facts.cautions.filter((one) => ["chance", "floor"].includes(one.kind) && [facts.x, facts.y].includes(one.benchmark)
      && !one.benchmark.startsWith("truthfulqa")).map(cautionTrigger));
    if (facts.scores.length === 2) reasons.push("there are two sizes, and a turn needs three");
    return reasons.join("; ");
  },
  curate: (facts) => {
    const h = facts.distance;
    const below = h && h.h < h.low ? benchmarkTitle(facts.y) + " lies " + fixed(-h.h, 1) + " points below web-trained models of its sizes, outside " +
      "their range of " + signed(h.low, 1) + " to " + signed(h.high, 1) : "";
    return [clearTax(facts), below].filter(Boolean).join("; ");
  },
  widen: clearTax,
  scale: (facts) => {
    const shares = namedShares(facts.last);
    const { clear, foreseen } = DATA.interventions;
    if (shares.bonus >= clear) return stepTrigger(facts) + ": bonus with probability " + percent(shares.bonus);
    const ahead = facts.next_size;
    // A foreseen phase counts only where such phases beat plain frequencies on families held out.
    if (!ahead || !ahead.skill || !(ahead.skill.best < ahead.skill.frequencies)) return "";
    return shares.tax >= clear && ahead.p_bonus >= foreseen ? "the last step is tax with probability " + percent(shares.tax) +
      ", but the step to " + general(ahead.params_b) + "B is foreseen as bonus with " + percent(ahead.p_bonus) : "";
  },
  distil: (facts) => {
    const largest = facts.scores[facts.scores.length - 1].params_b;
    const tax = clearTax(facts);
    const paper = DATA.interventions.paper_b;
    return tax && largest < paper ? tax + "; the largest model has " + general(largest) + "B, below the paper's critical scale of " +
      general(paper) + "B" : "";
  },
  steer: clearTax,
  rotate: (facts) => facts.cautions.filter((one) => one.kind === "saturation" && [facts.x, facts.y].includes(one.benchmark))
    .map(cautionTrigger).join("; "),
};

/** Advice that fires, by whether its evidence is enough to try it, and the rules that do not fire. @param {Facts} facts */
function advise(facts) {
  const names = Object.keys(DATA.interventions.rules);
  const fired = names.map((name) => ({ name: name, trigger: RULES[name](facts) })).filter((one) => one.trigger);
  const tried = (/** @type {boolean} */ yes) => fired.filter((one) => DATA.interventions.rules[one.name].to_try === yes);
  return { to_try: tried(true), not_confirmed: tried(false),
    not_called_for: names.filter((name) => !fired.some((one) => one.name === name)) };
}

PARTS.interventions = (found) => (found.steps.length ? advise({
  x: found.given.x, y: found.given.y, scores: found.ladder, last: found.steps[found.steps.length - 1], cautions: found.cautions,
  distance: found.web_distance, next_size: found.next_size,
}) : null);

/** @param {{name: string, trigger: string}} one */
function adviceItem(one) {
  const rule = DATA.interventions.rules[one.name];
  const claims = rule.claims.map(([statement, verdict, chapter]) => make("li", null, make("b", null, verdict), ": " + statement +
    " (chapter " + Number(chapter.slice(0, 2)) + ")"));
  return make("div", { class: "cd-advice" }, make("h4", null, rule.title, make("span", { class: "cd-grade" }, rule.grade)),
    make("p", null, rule.says),
    make("p", null, make("b", null, "How far to trust it: "), rule.strength),
    make("p", { class: "cd-quiet" }, "Why now: " + one.trigger + "."),
    make("details", null, make("summary", null, claims.length ? "Claims behind it, and what would change this" : "What would change this"),
      ...(claims.length ? [make("ul", null, ...claims)] : []), make("p", null, rule.changes)));
}

/** @param {HTMLElement} into @param {any} found */
function showInterventions(into, found) {
  const part = found.interventions;
  if (!part) {
    into.replaceChildren(make("p", null, "No step yet, so no rule has anything to read."));
    return;
  }
  // What a reader has unfolded stays so while the numbers change.
  const open = new Set([...into.querySelectorAll("details[open]")].map((one) => one.parentElement?.dataset.rule));
  const items = (/** @type {any[]} */ list) => list.map((one) => {
    const item = adviceItem(one);
    item.dataset.rule = one.name;
    item.querySelector("details").open = open.has(one.name);
    return item;
  });
  const titles = part.not_called_for.map((name) => DATA.interventions.rules[name].title.toLowerCase());
  into.replaceChildren(make("div", { class: "cd-halves" },
    make("div", null, make("h3", null, "To try"), ...(part.to_try.length ? items(part.to_try)
      : [make("p", null, "Nothing that these scores call for has evidence enough behind it.")])),
    ...(part.not_confirmed.length ? [make("div", null, make("h3", null, DATA.interventions.suggested),
      ...items(part.not_confirmed))] : [])),
    ...(titles.length ? [make("p", { class: "cd-quiet" }, "Not called for by these scores: " + titles.join(", ") + ".")] : []));
}

CARDS.push({ id: "cd-interventions", title: "What to do", mount: () => {
  const box = make("div");
  return { parts: [box], show: (found) => showInterventions(box, found) };
} });
