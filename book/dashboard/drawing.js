// What every card is drawn with. Nothing is computed here, and every text goes in as text.

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Object<string, any>|null} [attributes] @param {...(Node|string)} children @returns {any} */
function make(tag, attributes, ...children) {
  const drawn = ["svg", "g", "line", "rect", "circle", "path", "text", "polyline", "tspan", "desc"].includes(tag);
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

/** Look again when a box has got another size and rests: it is wider than the window tells while the list of chapters folds.
 * @param {HTMLElement} box @param {() => void} look */
function whenResized(box, look) {
  let waiting = 0;
  new ResizeObserver(() => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(look, 100);
  }).observe(box);
}

/** Round numbers for an axis. @param {number} low @param {number} high */
function ticks(low, high) {
  const step = [1, 2, 5, 10, 20, 50].find((size) => (high - low) / size <= 7) || 100;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9; at += step) found.push(at);
  return found;
}

/** @typedef {{state: () => State, further: () => string[], loadFamily: (value: string) => void, save: () => void,
 *  settle: () => any, touch: () => void}} Desk  What a card may ask of the page, and have it do. */
/** @typedef {string|string[]} Words  A sentence of a report, or a row of a table whose first row is its head. */
/** @typedef {(found: any, state: State, desk: Desk) => Words[]} Tell  What a report says of a card. */
/** @typedef {{id: string, title: string, half?: boolean, mount: (desk: Desk) => {parts: Node[],
 *  show: (found: any, state: State) => void}, words?: Tell}} Card  Two halves beside each other share a line.
 *  Without words of its own, a report takes a card's from what it shows. */

/** The cards under the two dashboards, in their order on the page: that of the files which add them. @type {Card[]} */
const CARDS = [];
