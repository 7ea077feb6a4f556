// Cautions that these scores call for, and the limits of every answer.

/** @param {any} found @param {string[]} further @returns {string[]} */
function cautionWords(found, further) {
  const own = found.cautions.map((one) => one.text + " (" + one.models.map(shortModel).join(", ") + ").");
  const edges = found.ladder.filter((model) => Object.values(model.scores).some((score) => score === 0 || score === 100));
  const all = [...own, ...found.measured, ...further];
  if (edges.length) {
    all.push("A score of 0 or 100 leaves no item noise, so a probability that rests on it is too sure (" +
      edges.map((model) => shortModel(model.model)).join(", ") + ").");
  }
  return all;
}

/** @param {any} found */
function noCaution(found) {
  return found.ladder.length ? "None of the rules fires on these scores." : "No scores yet.";
}

/** @param {HTMLElement} into @param {any} found @param {string[]} further */
function showCautions(into, found, further) {
  const all = cautionWords(found, further);
  into.replaceChildren(all.length ? make("ul", null, ...all.map((words) => make("li", null, words))) : make("p", null, noCaution(found)));
}

CARDS.push({ id: "cd-cautions", title: "Cautions", half: true, mount: (desk) => {
  const box = make("div");
  return { parts: [box], show: (found) => showCautions(box, found, desk.further()) };
}, words: (found, state, desk) => {
  const all = cautionWords(found, desk.further());
  return all.length ? all : [noCaution(found)];
} });

CARDS.push({ id: "cd-limits", title: "Limits", half: true, mount: () => ({
  parts: [make("ul", null, ...DATA.limits.map((words) => make("li", null, words)))], show: () => {},
}), words: () => DATA.limits });
