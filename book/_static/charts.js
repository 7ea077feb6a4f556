/* Draws every figure of the page: the specification lies in the figure itself, Vega in cape-vega.js beside this
   file, and nothing is fetched. A figure is drawn when it comes near the screen, again when the colour theme
   or its width changes, and keeps what the reader has set. */
(() => {
  "use strict";

  const NARROW = 560;
  const drawn = new WeakMap();

  const look = (dark) => {
    const [ink, soft, grid, line] = dark
      ? ["#E6E8EB", "#B8C0C9", "#2C333C", "#6B7580"]
      : ["#1F2328", "#444B54", "#E4E7EB", "#9AA2AC"];
    const titles = { labelColor: soft, titleColor: ink };
    return {
      background: "transparent",
      text: { color: ink },
      axis: { ...titles, gridColor: grid, domainColor: line, tickColor: line },
      legend: titles,
      header: { labelColor: ink, titleColor: ink },
      title: { color: ink, subtitleColor: soft },
      // The middle of a diverging scale is "nothing to see", so it takes the colour of the page.
      range: { diverging: ["#D55E00", dark ? "#2A3038" : "#F2F2F2", "#2F7FBF"] },
    };
  };

  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  const merge = (base, over) => {
    const result = { ...base };
    for (const [key, value] of Object.entries(over)) {
      result[key] = isObject(value) && isObject(result[key]) ? merge(result[key], value) : value;
    }
    return result;
  };

  const isDark = () => document.documentElement.dataset.theme === "dark";

  /* Vega-Lite fits a single chart to its container by itself. The parts of a composed chart need a number, and
     parts that stand side by side stand below each other where the screen is narrow. */
  const fit = (spec, width) => {
    const share = (parts, columns) => Math.max(120, Math.floor(width / columns) - 75 * Math.min(parts, 1));
    const resize = (part, columns) => {
      if (part.hconcat || part.vconcat || part.concat || part.facet || part.repeat) {
        return fit(part, Math.floor(width / columns));
      }
      const keeps = typeof part.width === "number" && part.width <= share(1, columns);
      return keeps || isObject(part.width) ? part : { ...part, width: share(1, columns) };
    };
    const narrow = width < NARROW;
    if (spec.hconcat) {
      const { hconcat, ...rest } = spec;
      return narrow
        ? { ...rest, vconcat: hconcat.map((part) => resize(part, 1)) }
        : { ...rest, hconcat: hconcat.map((part) => resize(part, hconcat.length)) };
    }
    if (spec.vconcat) {
      return { ...spec, vconcat: spec.vconcat.map((part) => resize(part, 1)) };
    }
    if (spec.concat) {
      const columns = narrow ? 1 : spec.columns || spec.concat.length;
      return { ...spec, columns, concat: spec.concat.map((part) => resize(part, columns)) };
    }
    if ((spec.facet && !spec.facet.row && !spec.facet.column) || Array.isArray(spec.repeat)) {
      const columns = narrow ? 1 : spec.columns || 2;
      return { ...spec, columns, spec: { ...spec.spec, width: share(1, columns) } };
    }
    const facet = spec.encoding && spec.encoding.facet;
    if (facet) {
      const columns = narrow ? 1 : facet.columns || 2;
      const encoding = { ...spec.encoding, facet: { ...facet, columns } };
      return { ...spec, encoding, width: share(1, columns) };
    }
    return spec;
  };

  /* Vega cuts an axis title that is longer than its axis; on a narrow screen it goes on two lines instead. */
  const wrap = (text, most) => {
    if (typeof text !== "string" || text.length <= most) return text;
    const lines = [""];
    for (const word of text.split(/\s+/)) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (longer.length > most && lines.at(-1)) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  };

  const wrapTitles = (part, width) => {
    if (Array.isArray(part)) return part.map((inner) => wrapTitles(inner, width));
    if (!isObject(part)) return part;
    // What the y axis takes is not known yet; on a phone its labels may fill a third of the width.
    const own = typeof part.width === "number" ? part.width : width < NARROW ? width * 0.62 : width - 75;
    const result = { ...part };
    for (const key of ["layer", "hconcat", "vconcat", "concat", "spec"]) {
      if (part[key]) result[key] = wrapTitles(part[key], typeof part.width === "number" ? part.width + 75 : width);
    }
    const x = part.encoding && part.encoding.x;
    if (x) {
      const most = Math.max(16, Math.floor(own / 7.6));
      const wrapped = { ...x };
      if (x.title) wrapped.title = wrap(x.title, most);
      if (x.axis && x.axis.title) wrapped.axis = { ...x.axis, title: wrap(x.axis.title, most) };
      result.encoding = { ...part.encoding, x: wrapped };
    }
    return result;
  };

  /* What the reader has chosen: the values of the chart's own parameters and its selections. */
  const choices = (view, spec) => {
    const names = (spec.params || []).map((param) => param.name);
    const mine = (signal) => names.some((name) => signal === name || signal.startsWith(`${name}_`));
    try {
      return view.getState({ signals: mine, data: (name) => name.endsWith("_store"), recurse: false });
    } catch {
      return null;
    }
  };

  /* Title, caption and text alternative of every setting are written beforehand; those of the setting chosen are shown.
     What a setting leaves out is as at first. */
  const follow = (figure, view) => {
    const source = figure.querySelector(".cape-words");
    if (!source) return;
    const { signals, words } = JSON.parse(source.textContent);
    const places = {
      title: figure.querySelector(".cape-title").firstChild,
      caption: figure.querySelector("figcaption"),
      alternative: figure.querySelector(".cape-alt p"),
    };
    const first = (figure.capeWords ??= Object.fromEntries(
      Object.entries(places).map(([key, place]) => [key, place.textContent]),
    ));
    places.caption.setAttribute("aria-live", "polite"); // Read out when a control changes it.
    const same = (one, other) => one === other || (typeof one === "number" && Math.abs(one - other) < 1e-6);
    const say = () => {
      const chosen = signals.map((name) => view.signal(name));
      const said = { ...first, ...words.find(({ at }) => at.every((value, index) => same(value, chosen[index]))) };
      for (const [key, place] of Object.entries(places)) {
        if (place.textContent !== said[key]) place.textContent = said[key];
      }
      figure.querySelector(".cape-chart").setAttribute("aria-label", said.alternative);
    };
    for (const name of signals) view.addSignalListener(name, say);
    say();
  };

  const fail = (figure, error) => {
    figure.dataset.error = String(error && error.message ? error.message : error);
    delete figure.dataset.mounted;
    const note = document.createElement("p");
    note.className = "cape-note";
    note.textContent = "This chart could not be drawn; the text alternative below says what it shows.";
    figure.querySelector(".cape-chart").replaceChildren(note);
    const alternative = figure.querySelector(".cape-alt");
    if (alternative) alternative.open = true;
    console.error("A chart could not be drawn:", error);
  };

  const draw = async (figure) => {
    const target = figure.querySelector(".cape-chart");
    const width = target.clientWidth;
    if (!width) return; // Inside a closed fold; the observers call again when it opens.
    const before = drawn.get(figure);
    if (before && before.busy) {
      before.again = true;
      return;
    }
    const kept = before && before.view ? choices(before.view, before.spec) : null;
    const state = { busy: true, width, dark: isDark() };
    drawn.set(figure, state);
    try {
      const spec = JSON.parse(figure.querySelector(".cape-spec").textContent);
      const legend = { columns: Math.max(1, Math.floor(width / 130)) };
      const config = merge(merge({ legend }, spec.config || {}), look(state.dark));
      const controls = figure.querySelector(".cape-controls");
      const stage = document.createElement("div");
      // Drawn off to the side at its final width, then swapped in: no flash, and the page does not jump.
      stage.className = "cape-stage";
      target.append(stage);
      const shelf = document.createElement("div");
      const result = await window.vegaEmbed(stage, wrapTitles(fit({ ...spec, config }, width), width), {
        mode: "vega-lite",
        renderer: "svg",
        bind: shelf,
        actions: false, // its menu hides its links from the keyboard; figure_tools.js has one of its own
        tooltip: { theme: state.dark ? "dark" : "light" },
      });
      if (before && before.result) before.result.finalize();
      for (const child of [...target.children]) if (child !== stage) child.remove();
      stage.classList.add("cape-ready");
      controls.replaceChildren(...shelf.childNodes);
      const focused = before && before.focus;
      state.result = result;
      state.view = result.view;
      state.spec = spec;
      window.capeFigureTools(figure, result.view, spec);
      if (kept) {
        try {
          result.view.setState(kept);
          await result.view.runAsync();
        } catch {
          /* A choice that no longer fits is dropped; the chart itself stands. */
        }
      }
      follow(figure, result.view);
      if (focused) controls.querySelector(`[name="${focused}"]`)?.focus();
      delete figure.dataset.error;
      figure.dataset.mounted = "true";
    } catch (error) {
      fail(figure, error);
    }
    state.busy = false;
    if (state.again) draw(figure);
  };

  const redraw = (figure, always) => {
    const state = drawn.get(figure);
    if (!state) return;
    const width = figure.querySelector(".cape-chart").clientWidth;
    if (!width || (!always && Math.abs(width - state.width) < 4 && state.dark === isDark())) return;
    const active = document.activeElement;
    state.focus = figure.contains(active) ? active.name : null;
    draw(figure);
  };

  const start = () => {
    const figures = [...document.querySelectorAll("figure.cape-figure")];
    const wait = new Map();
    const soon = (figure) => {
      clearTimeout(wait.get(figure));
      wait.set(figure, setTimeout(() => redraw(figure, false), 150));
    };
    const sizes = new ResizeObserver((entries) => {
      for (const entry of entries) {
        const figure = entry.target.closest("figure.cape-figure");
        if (drawn.has(figure)) soon(figure);
      }
    });
    const nearby = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting || drawn.has(entry.target)) continue;
          nearby.unobserve(entry.target);
          draw(entry.target);
        }
      },
      { rootMargin: "600px 0px" },
    );
    for (const figure of figures) {
      nearby.observe(figure);
      sizes.observe(figure.querySelector(".cape-chart"));
    }
    const drawAll = () => Promise.all(figures.filter((f) => !drawn.has(f)).map(draw));
    window.addEventListener("beforeprint", drawAll);
    new MutationObserver(() => figures.forEach((figure) => redraw(figure, false))).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    window.capeCharts = { drawAll };
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
