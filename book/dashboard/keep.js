// Keeping a diagnosis: the link that holds it, the table, and the command that gives the same.

/** @param {Desk} desk */
function mountKeep(desk) {
  const command = make("code");
  const copied = make("span", { role: "status", class: "cd-quiet" });
  const copy = async (/** @type {string} */ text, /** @type {string} */ what) => {
    try {
      await navigator.clipboard.writeText(text);
      copied.textContent = what + " copied.";
    } catch (error) {
      const area = make("textarea", null);
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      copied.textContent = done ? what + " copied." : "This browser does not let a page copy; the address bar holds the link.";
    }
  };
  const keep = make("div", { class: "cd-buttons" },
    make("button", { type: "button", click: () => { desk.save(); copy(window.location.href, "Link"); } }, "Copy the link"),
    make("button", { type: "button", click: () => saveFile("scores.csv", toCsv(desk.state()), "text/csv") }, "Save scores.csv"),
    make("button", { type: "button", click: () => copy(toCommand(desk.state()), "Command") }, "Copy the command"), copied);
  return {
    parts: [make("p", null, "The address of this page holds all that stands in the form. In a shell, on the saved table, ",
      command, " gives the same couplings, phases, probabilities, cautions and neighbours; it draws the test items anew, so that its ranges " +
      "and plain probabilities differ a little, and says more."), keep],
    show: (/** @type {any} */ found, /** @type {State} */ state) => { command.textContent = toCommand(state); },
  };
}

/** @param {string} name @param {string} text @param {string} type */
function saveFile(name, text, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

CARDS.push({ id: "cd-keep", title: "Keep", mount: mountKeep });
