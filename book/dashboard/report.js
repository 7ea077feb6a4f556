// The report of what stands on the page: as one HTML file with the charts, as Markdown, and as JSON.

/** @typedef {{title: string, words: Words[], charts: SVGSVGElement[]}} Part  A section of the report. */

const REPORT_STYLE = "body{font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;max-width:60rem;" +
  "margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--ground)}h1{font-size:1.6rem}h2{font-size:1.2rem;" +
  "margin-top:2rem}.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.3rem .7rem;" +
  "border-bottom:1px solid #88888866;text-align:right}th:first-child,td:first-child{text-align:left}figure{margin:1rem 0}" +
  "svg{max-width:100%;height:auto}a{color:inherit}p,li,code{overflow-wrap:anywhere}footer{font-size:.9rem}";

const COMMAND_WORDS = "In a shell, on the table that the page saves:";

/** The models in the form, as they were understood. @param {any} found @returns {Words[]} */
function modelWords(found) {
  const models = found.given.models;
  if (!models.length) return ["No model yet."];
  const names = Object.keys(models[0].scores).filter((name) => models.some((model) => scoreOf(model, name) !== null));
  return [["model", "billion parameters", ...names.map((name) => benchmarkTitle(name) + ", percent")],
    ...models.map((model) => [model.model, general(model.params_b), ...names.map((name) =>
      (scoreOf(model, name) === null ? "" : general(model.scores[name])))])];
}

/** What a card says, from what is drawn of it: sentences, and rows of its tables. @param {Element} section @returns {Words[]} */
function shownWords(section) {
  const clean = (/** @type {Element} */ element) => [...element.childNodes].map((node) => node.textContent || "").join(" ")
    .replace(/\s+/g, " ").replace(/ ([.,;:)])/g, "$1").trim();
  return [...section.querySelectorAll("p, li, h3, h4, tr")].filter((one) => !one.closest(".cd-save, .cd-legend, [hidden]"))
    .map((one) => (one instanceof HTMLTableRowElement ? [...one.cells].map(clean) : clean(one))).filter((words) => words.length);
}

/** Everything that a report holds, in the order of the page. @param {any} found @param {State} state @param {Desk} desk
 * @returns {Part[]} */
function reportParts(found, state, desk) {
  return [{ title: "The models", words: modelWords(found), charts: [] }, ...[...DASHBOARDS, ...CARDS].map((card) => {
    const heading = document.getElementById(card.id);
    const charts = heading ? chartsOf(/** @type {Element} */ (heading.parentElement)) : [];
    const section = heading && heading.parentElement;
    return { title: card.title, words: card.words ? card.words(found, state, desk) : section ? shownWords(section) : [],
      charts: charts.map((chart) => standAlone(chart, chartTitle(card.title, state))) };
  }).filter((part) => part.words.length || part.charts.length)];
}

/** @param {State} state */
function reportTitle(state) {
  return familyName(state) + ": " + benchmarkTitle(state.y) + " with " + benchmarkTitle(state.x);
}

/** Where the page opens on these scores: its public address, or its own unless that is a path on the reader's disk; empty
 * where neither is known. @param {State} state @returns {string} */
function publicLink(state) {
  const own = /^https?:$/.test(window.location.protocol) ? window.location.href.split("#")[0] : "";
  return DATA.book.page || own ? (DATA.book.page || own) + toLink(state) : "";
}

/** @param {State} state @returns {string} */
function sourceWords(state) {
  return "Written by the dashboard of " + DATA.book.title + ", version " + DATA.book.version + ". " + (publicLink(state)
    ? "It opens on these scores at this address:" : "It opens on these scores where its address is followed by:");
}

/** Words as runs of sentences and of rows. @param {Words[]} words @returns {(string|string[][])[]} */
function blocksOf(words) {
  const blocks = /** @type {(string|string[][])[]} */ ([]);
  words.forEach((one) => {
    const last = blocks[blocks.length - 1];
    if (typeof one === "string") blocks.push(one);
    else if (Array.isArray(last)) last.push(one);
    else blocks.push([one]);
  });
  return blocks;
}

/** @param {any} found @param {State} state @param {Desk} desk @returns {string} */
function reportMarkdown(found, state, desk) {
  const plain = (/** @type {string} */ text) => text.replace(/\s+/g, " ").trim().replace(/[\\`*_[\]|<>#]/g, "\\$&");
  const row = (/** @type {string[]} */ cells) => "| " + cells.map(plain).join(" | ") + " |";
  const lines = ["# " + plain(reportTitle(state))];
  reportParts(found, state, desk).forEach((part) => {
    lines.push("## " + plain(part.title));
    blocksOf(part.words).forEach((block) => lines.push(typeof block === "string" ? plain(block)
      : [row(block[0]), "|" + block[0].map((_, i) => (i ? "--:" : ":--")).join("|") + "|", ...block.slice(1).map(row)].join("\n")));
  });
  lines.push("---", plain(sourceWords(state)) + " " + (publicLink(state) ? "<" + publicLink(state) + ">" : "`" + toLink(state) + "`"),
    COMMAND_WORDS + " `" + toCommand(state) + "`");
  return lines.join("\n\n") + "\n";
}

/** @param {any} found @param {State} state @param {Desk} desk @returns {string} */
function reportHtml(found, state, desk) {
  const cells = (/** @type {string[]} */ row, /** @type {boolean} */ head) => make("tr", null, ...row.map((cell) =>
    make(head ? "th" : "td", head ? { scope: "col" } : null, cell)));
  const body = make("main", null, make("h1", null, reportTitle(state)));
  reportParts(found, state, desk).forEach((part) => {
    body.append(make("h2", null, part.title), ...part.charts.map((chart) => make("figure", null, chart)));
    blocksOf(part.words).forEach((block) => body.append(typeof block === "string" ? make("p", null, block)
      : make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": part.title }, make("table", null,
        make("thead", null, cells(block[0], true)), make("tbody", null, ...block.slice(1).map((row) => cells(row, false)))))));
  });
  const link = publicLink(state);
  const foot = make("footer", null, make("p", null, sourceWords(state) + " ", link ? make("a", { href: link }, link)
    : make("code", null, toLink(state))), make("p", null, COMMAND_WORDS + " ", make("code", null, toCommand(state))));
  const looks = getComputedStyle(document.body);
  return "<!doctype html>\n" + make("html", { lang: "en" }, make("head", null, make("meta", { charset: "utf-8" }),
    make("meta", { "http-equiv": "Content-Security-Policy", content: "default-src 'none'; style-src 'unsafe-inline'" }),
    make("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    make("title", null, reportTitle(state)), make("style", null, ":root{--ink:" + plainColour(looks.color) + ";--ground:" +
      groundColour(document.body) + "}" + REPORT_STYLE)), make("body", null, body, foot)).outerHTML + "\n";
}

/** Strict JSON: what is not known is null. @param {any} found @param {State} state @returns {string} */
function reportJson(found, state) {
  return JSON.stringify({ book: DATA.book.version, link: toLink(state), address: publicLink(state) || null, command: toCommand(state),
    answer: found }, null, 2) + "\n";
}
