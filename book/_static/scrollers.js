/* A formula wider than the page scrolls in its own box; the keyboard must be able to reach what the mouse can. The
   theme does this for code and tables. */
(() => {
  "use strict";
  const boxes = () => document.querySelectorAll(".bd-article div.math, figure.cape-figure .cape-chart");
  const update = () => {
    for (const box of boxes()) {
      if (box.scrollWidth > box.clientWidth + 1) {
        box.tabIndex = 0;
        if (!box.hasAttribute("role")) {
          box.setAttribute("role", "group");
          box.setAttribute("aria-label", "Formula; scrolls sideways");
        }
      } else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    }
  };
  window.addEventListener("load", update);
  window.addEventListener("resize", update);
})();
