// The mosaic of claims: what a tile stands for, beside it while the pointer or the keyboard is on it. Without this script each tile is
// a link with a title.
(function () {
  "use strict";

  function enhance(mosaic) {
    const card = mosaic.querySelector(".cape-claim");
    const tiles = Array.from(mosaic.querySelectorAll(".cape-mosaic-row li > a"));

    function hide() {
      card.hidden = true;
    }

    function show(tile) {
      const words = tile.textContent;
      const cut = words.indexOf(":");
      const verdict = document.createElement("span");
      verdict.className = tile.className;
      verdict.textContent = words.slice(0, cut);
      card.textContent = "";
      card.append(verdict, " ", words.slice(cut + 2));
      card.hidden = false;
      const frame = mosaic.getBoundingClientRect();
      const at = tile.getBoundingClientRect();
      const left = Math.min(at.left - frame.left, frame.width - card.offsetWidth);
      card.style.left = Math.max(0, left) + "px";
      card.style.top = at.bottom - frame.top + 6 + "px";
    }

    tiles.forEach(function (tile) {
      tile.removeAttribute("title"); // the card says the same
      tile.addEventListener("mouseenter", function () { show(tile); });
      tile.addEventListener("focus", function () { show(tile); });
      tile.addEventListener("mouseleave", hide);
      tile.addEventListener("blur", hide);
    });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") hide();
    });
  }

  function start() {
    document.querySelectorAll(".cape-mosaic").forEach(enhance);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
