// The theme listens to the first of its buttons for the list of chapters and the list of headings. Those stand in its top bar,
// which the book hides (book.css); the ones in the article hand their clicks on.
(function () {
  "use strict";

  function start() {
    [".primary-toggle", ".secondary-toggle"].forEach(function (name) {
      const buttons = Array.from(document.querySelectorAll(name));
      buttons.slice(1).forEach(function (button) {
        button.addEventListener("click", function () { buttons[0].click(); });
      });
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
