// Folds the scorecard by chapter, and shows one chapter, one verdict or one word of it. Without it the whole table is open.
(function () {
  "use strict";

  function control(table, name, values) {
    const label = document.createElement("label");
    label.className = "scorecard-control";
    label.textContent = name + " ";
    let field;
    if (values) {
      field = document.createElement("select");
      ["all"].concat(values).forEach(function (value) {
        const option = document.createElement("option");
        option.value = option.textContent = value;
        field.append(option);
      });
    } else {
      field = document.createElement("input");
      field.type = "search";
    }
    label.append(field);
    return { label: label, field: field };
  }

  // The claims of one chapter behind a button in the line above them.
  function foldable(body) {
    const head = body.querySelector(".sb-group th");
    const rows = Array.from(body.querySelectorAll("tr[data-verdict]"));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sb-toggle";
    button.append(...head.childNodes);
    head.append(button);
    const group = { body: body, rows: rows, wanted: false };
    group.open = function (on) {
      button.setAttribute("aria-expanded", String(on));
      rows.forEach(function (row) { row.hidden = !on || row.dataset.fits === "false"; });
    };
    button.addEventListener("click", function () {
      group.wanted = button.getAttribute("aria-expanded") !== "true";
      group.open(group.wanted);
    });
    return group;
  }

  function enhance(table) {
    const rows = Array.from(table.querySelectorAll("tr[data-verdict]"));
    const groups = Array.from(table.tBodies).map(foldable);
    const values = function (key) {
      return Array.from(new Set(rows.map(function (row) { return row.dataset[key]; })));
    };
    const chapter = control(table, "Chapter", values("chapter"));
    const verdict = control(table, "Verdict", values("verdict"));
    const word = control(table, "Word");
    const count = document.createElement("p");
    count.className = "scorecard-count";
    count.setAttribute("role", "status");

    function show() {
      const sought = word.field.value.trim().toLowerCase();
      const narrowed = sought || chapter.field.value !== "all" || verdict.field.value !== "all";
      let shown = 0;
      rows.forEach(function (row) {
        const fits =
          (chapter.field.value === "all" || row.dataset.chapter === chapter.field.value) &&
          (verdict.field.value === "all" || row.dataset.verdict === verdict.field.value) &&
          (!sought || row.textContent.toLowerCase().includes(sought));
        row.dataset.fits = fits;
        shown += fits ? 1 : 0;
      });
      groups.forEach(function (group) {
        const some = group.rows.some(function (row) { return row.dataset.fits === "true"; });
        group.body.hidden = !some;
        group.open(narrowed ? some : group.wanted);
      });
      count.textContent = shown + " of " + rows.length + " claims";
    }

    const all = document.createElement("button");
    all.type = "button";
    all.className = "scorecard-all";
    function label() {
      all.textContent = groups.every(function (group) { return group.wanted; }) ? "Fold all" : "Open all";
    }
    all.addEventListener("click", function () {
      const wanted = !groups.every(function (group) { return group.wanted; });
      groups.forEach(function (group) { group.wanted = wanted; });
      label();
      show();
    });
    table.addEventListener("click", function (event) {
      if (event.target.closest(".sb-toggle")) label();
    });
    label();

    const controls = document.createElement("div");
    controls.className = "scorecard-controls";
    [chapter, verdict, word].forEach(function (part) {
      part.field.addEventListener("input", show);
      controls.append(part.label);
    });
    controls.append(all, count);
    table.before(controls);
    show();
  }

  function start() {
    document.querySelectorAll("table.scoreboard.filtered").forEach(enhance);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
