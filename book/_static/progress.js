// Which chapters the reader has opened, kept in this browser alone: a mark in the side bar and on the map, and a count. Where
// nothing can be kept (private windows, storage switched off) the book looks as it does without this script.
(function () {
  "use strict";

  const KEY = "cape-opened";
  const CHAPTER = /(?:^|\/)notebooks\/(\d\d_\w+)/;

  function read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(kept) ? kept : [];
    } catch (error) {
      return [];
    }
  }

  function keep(names) {
    try {
      if (names.length) localStorage.setItem(KEY, JSON.stringify(names));
      else localStorage.removeItem(KEY);
      return true;
    } catch (error) {
      return false;
    }
  }

  function nameOf(address) {
    const found = CHAPTER.exec(address.split(/[?#]/)[0]);
    return found ? found[1] : null;
  }

  function mark(link, opened) {
    const old = link.querySelector(".cape-opened");
    if (old && !opened) old.remove();
    if (!opened || old) return;
    const words = document.createElement("span");
    words.className = "cape-opened";
    words.setAttribute("role", "img");
    words.setAttribute("aria-label", "opened");
    words.textContent = "\u2713";
    link.append(" ", words);
  }

  function show() {
    const links = Array.from(document.querySelectorAll(".bd-sidebar-primary .bd-links a, .cape-map li > a"));
    const inBook = new Set();
    const opened = new Set(read());
    links.forEach(function (link) {
      const name = nameOf(link.href);
      if (!name) return;
      inBook.add(name);
      mark(link, opened.has(name));
    });
    const count = Array.from(inBook).filter(function (name) { return opened.has(name); }).length;
    document.querySelectorAll(".cape-progress").forEach(function (line) {
      line.hidden = count === 0;
      line.textContent = "You have opened " + count + " of " + inBook.size + " chapters. ";
      const forget = document.createElement("button");
      forget.type = "button";
      forget.textContent = "Forget";
      forget.setAttribute("aria-label", "Forget which chapters were opened");
      forget.addEventListener("click", function () {
        keep([]);
        show();
      });
      line.append(forget);
    });
  }

  function start() {
    const here = nameOf((window.DOCUMENTATION_OPTIONS || {}).pagename || document.location.pathname);
    const opened = read();
    if (here && !opened.includes(here)) keep(opened.concat(here));
    show();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
