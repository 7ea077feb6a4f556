// Files that the reader keeps: their names, a chart as SVG and as PNG.

const CHART_LOOKS = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap",
  "stroke-linejoin", "opacity", "paint-order", "font-family", "font-size", "font-weight", "font-style", "text-anchor",
  "dominant-baseline", "display", "visibility"];
const TITLE_SIZE = 15; // font size of a saved chart's title; a letter is about half as wide
const TITLE_LINE = 20;
const PNG_SCALE = 2; // pixels of a PNG for each unit of its chart

/** @param {string} name @param {string|Blob} content @param {string} type */
function saveFile(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type: type }));
  make("a", { href: address, download: name }).click();
  // A browser may ask where to save it first.
  window.setTimeout(() => URL.revokeObjectURL(address), 60000);
}

/** A name for a file that says what is in it, such as pythia-hellaswag-truthfulqa-mc2-map.svg.
 * @param {State} state @param {string} what @param {string} suffix */
function fileName(state, what, suffix) {
  const plain = (/** @type {string} */ text) => text.toLowerCase().replace(/[^\p{L}\p{N}.]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
  return [familyName(state).slice(0, 60), state.x, state.y, what].map(plain).filter(Boolean).join("-") + "." + suffix;
}

/** Charts of a card. @param {Element} card @returns {SVGSVGElement[]} */
function chartsOf(card) {
  return [...card.querySelectorAll("svg[role=img]")].map((one) => /** @type {SVGSVGElement} */ (one));
}

const plainColours = new Map();

/** A colour as every program reads it: style sheets may name it by functions that drawing programs do not know.
 * @param {string} colour */
function plainColour(colour) {
  if (!/^(?:color|oklch|oklab|lch|lab|hwb|hsl)/.test(colour)) return colour;
  if (!plainColours.has(colour)) {
    const brush = /** @type {CanvasRenderingContext2D} */ (make("canvas", { width: 1, height: 1 }).getContext("2d"));
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
    plainColours.set(colour, "rgba(" + [red, green, blue, (alpha / 255).toFixed(3)].join(", ") + ")");
  }
  return plainColours.get(colour);
}

/** The colour behind an element. @param {Element|null} element @returns {string} */
function groundColour(element) {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== "transparent" && !/, 0\)$/.test(colour)) return plainColour(colour);
  }
  return "#ffffff";
}

/** A copy of a chart that needs no style sheet: looks and ground stand in it, and its title above it.
 * @param {SVGSVGElement} chart @param {string} title @returns {SVGSVGElement} */
function standAlone(chart, title) {
  const copy = /** @type {SVGSVGElement} */ (chart.cloneNode(true));
  const copies = [copy, ...copy.querySelectorAll("*")];
  [chart, ...chart.querySelectorAll("*")].forEach((one, i) => {
    const look = getComputedStyle(one);
    ["class", "style", "tabindex"].forEach((name) => copies[i].removeAttribute(name));
    [...copies[i].attributes].filter((each) => each.name.startsWith("data-")).forEach((each) => copies[i].removeAttribute(each.name));
    CHART_LOOKS.forEach((name) => {
      const value = look.getPropertyValue(name);
      if (i && value) copies[i].setAttribute(name, /^(?:fill|stroke)$/.test(name) ? plainColour(value) : value);
    });
  });
  const { x, y, width, height } = chart.viewBox.baseVal;
  const lines = wrapWords(title, Math.floor((width - 20) / (TITLE_SIZE * 0.56)));
  const above = lines.length * TITLE_LINE + 12;
  const ink = plainColour(getComputedStyle(chart).color);
  const font = getComputedStyle(chart).fontFamily;
  const name = document.createElementNS(SVG, "title"); // make would take it for a page's
  name.textContent = title;
  copy.prepend(name, make("desc", null, chart.getAttribute("aria-label") || ""),
    make("rect", { x: x, y: y - above, width: width, height: height + above, fill: groundColour(chart) }),
    ...lines.map((words, i) => make("text", { x: x + 10, y: y - above + 4 + (i + 0.8) * TITLE_LINE, fill: ink, "font-family": font,
      "font-size": TITLE_SIZE, "font-weight": 600 }, words)));
  copy.setAttribute("viewBox", [x, y - above, width, height + above].join(" "));
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height + above));
  return copy;
}

/** Words in lines of at most so many letters. @param {string} words @param {number} most @returns {string[]} */
function wrapWords(words, most) {
  const lines = [""];
  words.split(" ").forEach((word) => {
    const longer = (lines[lines.length - 1] + " " + word).trim();
    if (longer.length > most && lines[lines.length - 1]) lines.push(word);
    else lines[lines.length - 1] = longer;
  });
  return lines;
}

/** @param {string} card title of a card @param {State} state */
function chartTitle(card, state) {
  return familyName(state) + ": " + card[0].toLowerCase() + card.slice(1) + ", " + benchmarkTitle(state.y) + " with " + benchmarkTitle(state.x);
}

/** @param {SVGSVGElement} chart as it stands alone @returns {Promise<Blob>} */
function toPng(chart) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.addEventListener("error", () => reject(new Error("the chart could not be drawn")));
    picture.addEventListener("load", () => {
      const paper = make("canvas", { width: picture.width * PNG_SCALE, height: picture.height * PNG_SCALE });
      paper.getContext("2d").drawImage(picture, 0, 0, paper.width, paper.height);
      paper.toBlob((/** @type {Blob|null} */ blob) => (blob ? resolve(blob) : reject(new Error("the chart could not be drawn"))));
    });
    picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(new XMLSerializer().serializeToString(chart));
  });
}

/** Buttons at each chart of a card that save it; made anew only where charts came or went. @param {Element} section
 * @param {string} title @param {Desk} desk */
function offerCharts(section, title, desk) {
  const charts = chartsOf(section).length;
  if (section.querySelectorAll(".cd-save").length === charts) return;
  section.querySelectorAll(".cd-save").forEach((one) => one.remove());
  for (let place = 0; place < charts; place += 1) {
    const which = charts > 1 ? "chart " + (place + 1) : "chart";
    const said = make("span", { role: "status" });
    const button = (/** @type {string} */ suffix) => make("button", { type: "button",
      "aria-label": "Save the " + which + " as " + suffix.toUpperCase() + ": " + title, click: async () => {
        const chart = standAlone(chartsOf(section)[place], chartTitle(title, desk.state()));
        const name = fileName(desk.state(), title + (charts > 1 ? " " + (place + 1) : ""), suffix);
        said.textContent = "";
        try {
          if (suffix === "png") saveFile(name, await toPng(chart), "image/png");
          else saveFile(name, new XMLSerializer().serializeToString(chart), "image/svg+xml");
        } catch (error) {
          said.textContent = "This browser could not save it as " + suffix.toUpperCase() + "; try the other.";
        }
      } }, suffix.toUpperCase());
    section.append(make("p", { class: "cd-save" }, "Save the " + which + ": ", button("svg"), " ", button("png"), " ", said));
  }
}
