// Keeping a diagnosis: the link that holds it, reports, the table, and the command that gives the same.

/** @param {Desk} desk */
function mountKeep(desk) {
  const command = make("code");
  const said = make("span", { role: "status", class: "cd-quiet" });
  const copy = async (/** @type {string} */ text, /** @type {string} */ what) => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = what + " copied.";
    } catch (error) {
      const area = make("textarea", null);
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      said.textContent = done ? what + " copied." : "This browser does not let a page copy; the address bar holds the link.";
    }
  };
  const reports = { html: ["HTML", "text/html", reportHtml], md: ["Markdown", "text/markdown", reportMarkdown],
    json: ["JSON", "application/json", reportJson] };
  const keep = make("div", { class: "cd-buttons" },
    make("button", { type: "button", click: () => { desk.save(); copy(window.location.href, "Link"); } }, "Copy the link"),
    ...Object.keys(reports).map((suffix) => make("button", { type: "button", click: () => {
      const [, type, write] = reports[suffix];
      const name = fileName(desk.state(), "report", suffix);
      saveFile(name, write(desk.settle(), desk.state(), desk), type);
      said.textContent = name + " saved.";
    } }, "Report as " + reports[suffix][0])),
    make("button", { type: "button", click: () => saveFile("scores.csv", toCsv(desk.state()), "text/csv") }, "Save scores.csv"),
    make("button", { type: "button", click: () => copy(toCommand(desk.state()), "Command") }, "Copy the command"), said);
  return {
    parts: [make("p", null, "The address of this page holds all that stands in the form. A report holds every card of this page. " +
      "In a shell, on the saved table, ",
      command, " gives the same couplings, phases, probabilities, cautions and neighbours; it draws the test items anew, so that its ranges " +
      "and plain probabilities differ a little, and says more."), keep],
    show: (/** @type {any} */ found, /** @type {State} */ state) => { command.textContent = toCommand(state); },
  };
}

CARDS.push({ id: "cd-keep", title: "Keep", mount: mountKeep });
