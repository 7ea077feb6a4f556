// The search of Sphinx, with two additions: words of the page under every hit, from a script instead of the pages themselves (a page
// opened from disk may not fetch another), and "chapter 7" before everything that only speaks of chapters.
(function () {
  "use strict";

  const LENGTH = 240;
  const BEFORE = 80;
  const texts = window.capeSearchTexts || {};
  const query = (new URLSearchParams(window.location.search).get("q") || "").trim().toLowerCase();
  const asked = /^chapter\s+0*(\d+)\b/.exec(query);

  function numberOf(page) {
    const found = /^notebooks\/(\d+)_/.exec(page);
    return found ? Number(found[1]) : 0;
  }

  // A result is page, title, anchor, description, score and file.
  window.Scorer.score = function (result) {
    const first = asked && !result[2] && numberOf(result[0]) === Number(asked[1]);
    return result[4] + (first ? 1000 : 0);
  };

  function words() {
    return query.split(/[^\p{Letter}\p{Number}]+/u).filter(function (word) { return word.length > 2; });
  }

  // The first place where most of the words stand together; the beginning where none does.
  function placeOf(text) {
    const lower = text.toLowerCase();
    const sought = words();
    let best = 0;
    let most = 0;
    sought.forEach(function (word) {
      for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + 1)) {
        const start = Math.max(0, at - BEFORE);
        const part = lower.slice(start, start + LENGTH);
        const count = sought.filter(function (other) { return part.includes(other); }).length;
        if (count > most) {
          most = count;
          best = start;
        }
      }
    });
    return best;
  }

  function summary(text) {
    const from = placeOf(text);
    const start = from ? text.indexOf(" ", from) + 1 : 0;
    const end = start + LENGTH < text.length ? text.lastIndexOf(" ", start + LENGTH) : text.length;
    const line = document.createElement("p");
    line.className = "context";
    line.append(start ? "\u2026 " : "");
    const sought = words();
    text.slice(start, end).split(/([\p{Letter}\p{Number}]+)/u).forEach(function (part) {
      const hit = sought.some(function (word) { return part.toLowerCase().startsWith(word); });
      const piece = document.createElement(hit ? "mark" : "span");
      piece.textContent = part;
      line.append(hit ? piece : part);
    });
    line.append(end < text.length ? " \u2026" : "");
    return line;
  }

  function complete(item) {
    const link = item.querySelector("a");
    if (!link || item.querySelector(".context")) return;
    const found = /^([^#]*)\.html(?:#(.*))?$/.exec(link.getAttribute("href"));
    const page = found ? texts[found[1]] : null;
    if (!page) return;
    const all = Object.values(page).join(" ");
    const text = found[2] ? page[found[2]] : all;
    if (text || all) item.append(summary(text || all));
  }

  function start() {
    const results = document.getElementById("search-results");
    if (!results) return;
    new MutationObserver(function () {
      results.querySelectorAll("ul.search > li").forEach(complete);
    }).observe(results, { childList: true, subtree: true });
  }

  start();
})();
