/* What stands below every figure, in the book and in a report: the data behind it as a table and as CSV, and the
   picture to keep. Nothing is fetched; the table is made when it is first opened. */
(() => {
  "use strict";

  const ROWS = 200;

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const save = (name, address) => {
    const link = make("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
  };

  const titleOf = (figure) => (figure.querySelector(".cape-title")?.firstChild?.textContent || "the figure").trim();

  /* The name of a saved file: the figure's title as it stands now, in letters that every file system takes. */
  const fileName = (figure) => {
    const plain = titleOf(figure).normalize("NFKD").replace(/[\u0300-\u036f'’]/g, "").toLowerCase();
    return plain.replace(/[^a-z0-9]+/g, "-").slice(0, 70).replace(/^-+|-+$/g, "") || "figure";
  };

  /* Titles of the columns, as the chart itself calls them; a field with two titles keeps its own name. */
  const titlesOf = (spec) => {
    const found = new Map();
    const walk = (part) => {
      if (part === null || typeof part !== "object") return;
      if (typeof part.field === "string" && typeof part.title === "string" && part.title.trim()) {
        const known = found.get(part.field) || new Set();
        found.set(part.field, known.add(part.title.trim()));
      }
      for (const [key, value] of Object.entries(part)) if (key !== "datasets") walk(value);
    };
    walk(spec);
    return (field) => (found.get(field)?.size === 1 ? [...found.get(field)][0] : field);
  };

  /* The largest first; a single number, where a line is drawn, is no table. */
  const tablesOf = (spec) =>
    [...Object.values(spec.datasets || {}), spec.data?.values]
      .filter((rows) => Array.isArray(rows) && rows.length && Object.keys(rows[0] || {}).length)
      .map((rows) => ({ rows, fields: [...new Set(rows.flatMap(Object.keys))] }))
      .filter(({ rows, fields }) => rows.length > 1 || fields.length > 1)
      .sort((a, b) => b.rows.length - a.rows.length);

  const whole = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const short = (value) => (typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : whole(value));

  const csv = ({ rows, fields }) => {
    const cell = (value) => (/[",\r\n]/.test(whole(value)) ? `"${whole(value).replaceAll('"', '""')}"` : whole(value));
    return [fields, ...rows.map((row) => fields.map((field) => row[field]))].map((line) => line.map(cell).join(",")).join("\r\n");
  };

  const tableBlock = (table, index, count, spec, figure) => {
    const { rows, fields } = table;
    const title = titlesOf(spec);
    const which = count > 1 ? `Table ${index + 1} of ${count}: ` : "";
    const shown = rows.length > ROWS ? `the first ${ROWS} of ${rows.length} rows; the file holds all` : `${rows.length} rows`;
    const head = make("tr", {}, ...fields.map((field) => make("th", { scope: "col", textContent: title(field) })));
    const body = rows
      .slice(0, ROWS)
      .map((row) => make("tr", {}, ...fields.map((field) => make("td", { textContent: short(row[field]) }))));
    const box = make("div", { className: "cape-rows", tabIndex: 0 }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `${which}data of ${titleOf(figure)}; scrolls`);
    const button = make("button", { type: "button", textContent: "Save as CSV" });
    button.addEventListener("click", () => {
      const address = URL.createObjectURL(new Blob(["\ufeff", csv(table), "\r\n"], { type: "text/csv;charset=utf-8" }));
      save(`${fileName(figure)}${count > 1 ? `-${index + 1}` : ""}.csv`, address);
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
    return [make("p", {}, `${which}${shown}. `, button), box];
  };

  /* Called after every drawing; the first call makes the row of folds, later ones only renew the view to save. */
  window.capeFigureTools = (figure, view, spec) => {
    // The picture is one image with one text alternative; its hundreds of marks are not to be read out one by one.
    figure.querySelector(".cape-chart svg")?.setAttribute("aria-hidden", "true");
    const views = (figure.capeTools ??= { view: null });
    const first = views.view === null;
    views.view = view;
    if (!first) return;
    const tools = make("div", { className: "cape-tools" });
    figure.append(tools);
    const alternative = figure.querySelector(".cape-alt");
    if (alternative) tools.append(alternative);
    const tables = tablesOf(spec);
    if (tables.length) {
      const fold = make("details", { className: "cape-data" }, make("summary", { textContent: "Data as a table" }));
      fold.addEventListener("toggle", () => {
        if (!fold.open || fold.children.length > 1) return;
        fold.append(...tables.flatMap((table, index) => tableBlock(table, index, tables.length, spec, figure)));
      });
      tools.append(fold);
    }
    const keep = make("details", { className: "cape-save" }, make("summary", { textContent: "Save the picture" }));
    for (const kind of ["svg", "png"]) {
      const button = make("button", { type: "button", textContent: kind.toUpperCase() });
      button.addEventListener("click", async () => save(`${fileName(figure)}.${kind}`, await views.view.toImageURL(kind, 2)));
      keep.append(button, " ");
    }
    tools.append(keep);
  };
})();
