/* Runs once in the composed document, in the browser that prints it: draws the charts as the book's own pages do, leaves the
   pictures and their words, and fits what is wider than the paper. Returns what went wrong. */
async () => {
  const faults = [];
  await document.fonts.ready;
  await window.capeCharts.drawAll();
  // Those near the top were begun before, and are not waited for.
  const waiting = () => document.querySelector("figure.cape-figure:not([data-mounted], [data-error])");
  for (let tries = 0; waiting() && tries < 600; tries += 1) await new Promise((go) => setTimeout(go, 100));
  for (const figure of document.querySelectorAll("figure.cape-figure")) {
    const title = (figure.querySelector(".cape-title")?.textContent || "untitled").trim();
    const chart = figure.querySelector(".cape-chart");
    const svg = chart.querySelector("svg");
    if (figure.dataset.error || !svg) {
      faults.push(`${title}: ${figure.dataset.error || "not drawn"}`);
      continue;
    }
    // How the controls stand belongs to the picture; that there are controls does not.
    const settings = [...figure.querySelectorAll(".cape-controls .vega-bind")].flatMap((bind) => {
      const name = bind.querySelector(".vega-bind-name")?.textContent.trim().replace(/:$/, "");
      const field = bind.querySelector("select, input:checked, input[type=range], input:not([type=radio])");
      if (!name || !field || field.type === "checkbox") return [];
      const chosen = field.selectedOptions?.[0]?.textContent ?? field.closest("label")?.textContent ?? field.value;
      return [`${name}: ${field.type === "range" ? field.value : chosen.trim()}`];
    });
    if (settings.length) {
      const line = Object.assign(document.createElement("p"), { className: "cape-setting", textContent: `Drawn at ${settings.join("; ")}.` });
      figure.querySelector("figcaption").after(line);
    }
    for (const mark of svg.querySelectorAll("*")) {
      for (const name of ["role", "aria-roledescription", "aria-label", "aria-hidden", "class"]) mark.removeAttribute(name);
    }
    // Gradients and clips are named with the address of the page that drew them, which nobody else has.
    const here = `url(${location.href.split("#")[0]}#`;
    for (const mark of svg.querySelectorAll("*")) {
      for (const { name, value } of [...mark.attributes]) {
        if (value.includes(here)) mark.setAttribute(name, value.replaceAll(here, "url(#"));
      }
    }
    svg.removeAttribute("aria-hidden");
    svg.removeAttribute("class");
    svg.removeAttribute("style");
    chart.replaceChildren(svg);
    figure.querySelectorAll(".cape-controls, .cape-tools, .cape-alt, script").forEach((one) => one.remove());
    figure.querySelector("figcaption").removeAttribute("aria-live");
    delete figure.dataset.mounted;
  }
  document.querySelectorAll("body script, style[data-vega], #vg-tooltip-element").forEach((one) => one.remove());
  const wide = (one) => one.getBoundingClientRect().right > one.closest("section").getBoundingClientRect().right + 1;
  for (const table of document.querySelectorAll("section table")) {
    for (const size of ["smaller", "smallest"]) {
      if (!wide(table)) break;
      table.classList.remove("smaller");
      table.classList.add(size);
    }
  }
  for (const formula of document.querySelectorAll("section div.math math")) {
    for (let size = 100; size > 50 && wide(formula); size -= 5) formula.style.fontSize = `${size}%`;
  }
  return faults;
}
