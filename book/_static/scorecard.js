// Lets the reader show one chapter, one verdict or one word of the scorecard. Without it the whole table stands.
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

  function enhance(table) {
    const rows = Array.from(table.tBodies[0].rows);
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
      let shown = 0;
      rows.forEach(function (row) {
        const fits =
          (chapter.field.value === "all" || row.dataset.chapter === chapter.field.value) &&
          (verdict.field.value === "all" || row.dataset.verdict === verdict.field.value) &&
          (!sought || row.textContent.toLowerCase().includes(sought));
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      count.textContent = shown + " of " + rows.length + " claims";
    }

    const controls = document.createElement("div");
    controls.className = "scorecard-controls";
    [chapter, verdict, word].forEach(function (part) {
      part.field.addEventListener("input", show);
      controls.append(part.label);
    });
    table.before(controls, count);
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
