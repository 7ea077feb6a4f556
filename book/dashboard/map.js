// The map: the panels' models as quiet dots, your ladder and the nearest families on top.

/** The map. Its ground is drawn once for a pair and a width; what is typed moves the ladder alone.
 * @param {{box: HTMLElement, ground: string, at: any, dots: any[], here: number}} map @param {any} found @param {State} state */
function showMap(map, found, state) {
  const rows = [...OPEN, ...PAPER].filter((row) => hasPair(row, state.x, state.y));
  const width = Math.max(300, Math.min(980, Math.round(map.box.clientWidth || 700)));
  const height = Math.round(Math.min(520, Math.max(320, width * 0.6)));
  const all = [...rows, ...found.ladder];
  const span = (/** @type {string} */ name) => {
    const values = all.map((row) => Number(row.scores[name]));
    return [Math.floor((Math.min(...values) - 1) / 2) * 2, Math.ceil((Math.max(...values) + 1) / 2) * 2];
  };
  const [xs, ys] = [span(state.x), span(state.y)];
  const ground = [state.x, state.y, width, xs, ys].join(" ");
  if (map.ground !== ground) {
    const edge = { left: 44, right: 14, top: 14, bottom: 44 };
    const atX = (/** @type {number} */ v) => edge.left + ((v - xs[0]) / (xs[1] - xs[0])) * (width - edge.left - edge.right);
    const atY = (/** @type {number} */ v) => height - edge.bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (height - edge.top - edge.bottom);
    const svg = make("svg", { viewBox: "0 0 " + width + " " + height, class: "cd-mapping", role: "img" });
    ticks(xs[0], xs[1]).forEach((v) => svg.append(
      make("line", { x1: atX(v), x2: atX(v), y1: edge.top, y2: height - edge.bottom, class: "cd-grid" }),
      make("text", { x: atX(v), y: height - edge.bottom + 16, class: "cd-axis", "text-anchor": "middle" }, String(v))));
    ticks(ys[0], ys[1]).forEach((v) => svg.append(
      make("line", { x1: edge.left, x2: width - edge.right, y1: atY(v), y2: atY(v), class: "cd-grid" }),
      make("text", { x: edge.left - 6, y: atY(v) + 4, class: "cd-axis", "text-anchor": "end" }, String(v))));
    [state.x, state.y].forEach((name, i) => {
      const chance = benchmark(name).chance;
      const range = i ? ys : xs;
      if (chance <= range[0] || chance >= range[1]) return;
      svg.append(i ? make("line", { x1: edge.left, x2: width - edge.right, y1: atY(chance), y2: atY(chance), class: "cd-chance" })
        : make("line", { x1: atX(chance), x2: atX(chance), y1: edge.top, y2: height - edge.bottom, class: "cd-chance" }));
      svg.append(i ? make("text", { x: width - edge.right - 4, y: atY(chance) - 5, class: "cd-axis", "text-anchor": "end" },
        "a guesser, " + chance + "%")
        : make("text", { x: atX(chance) + 4, y: edge.top + 10, class: "cd-axis" }, "a guesser, " + chance + "%"));
    });
    svg.append(
      make("text", { x: (edge.left + width - edge.right) / 2, y: height - 8, class: "cd-title", "text-anchor": "middle" },
        benchmarkTitle(state.x) + ", percent"),
      make("text", { x: 12, y: (edge.top + height - edge.bottom) / 2, class: "cd-title", "text-anchor": "middle",
        transform: "rotate(-90 12 " + (edge.top + height - edge.bottom) / 2 + ")" }, benchmarkTitle(state.y) + ", percent"));
    const dots = rows.map((row, i) => {
      const dot = make("circle", { cx: atX(row.scores[state.x]).toFixed(1), cy: atY(row.scores[state.y]).toFixed(1), r: 4,
        class: "cd-row cd-" + row.panel, "data-place": i });
      svg.append(dot);
      return { row: row, dot: dot };
    });
    const over = make("g", null);
    svg.append(over);
    map.box.querySelector("svg")?.remove();
    map.box.prepend(svg);
    Object.assign(map, { ground: ground, at: { x: atX, y: atY, width: width, edge: edge }, dots: dots, over: over, here: -1, svg: svg });
  }
  drawLadder(map, found, state);
}

/** @param {any} map @param {any} found @param {State} state */
function drawLadder(map, found, state) {
  const { x, y, width, edge } = map.at;
  const parts = [];
  const place = (/** @type {any} */ row) => [x(row.scores[state.x]), y(row.scores[state.y])];
  const taken = [];
  const label = (/** @type {number[]} */ at, /** @type {string} */ text, /** @type {string} */ cls) => {
    const long = text.length * 6.6;
    // The first place of eight around the point that no other label holds.
    const spots = [[9, 4], [9, -9], [9, 17], [-9, 4], [-9, -9], [-9, 17], [0, -12], [0, 22]].map(([dx, dy]) => {
      const left = dx < 0 ? at[0] + dx - long : dx ? at[0] + dx : at[0] - long / 2;
      return { left: left, top: at[1] + dy - 11, x: at[0] + dx, y: at[1] + dy, anchor: dx < 0 ? "end" : dx ? "start" : "middle" };
    }).filter((spot) => spot.left > edge.left && spot.left + long < width - 2);
    const free = spots.find((spot) => !taken.some((one) => spot.left < one[0] + one[2] && one[0] < spot.left + long
      && Math.abs(spot.top - one[1]) < 14));
    if (!free) return;
    taken.push([free.left, free.top, long]);
    parts.push(make("text", { x: free.x, y: free.y, class: cls, "text-anchor": free.anchor }, text));
  };
  const own = found.ladder.map(place);
  own.forEach((at) => taken.push([at[0] - 6, at[1] - 7, 12]));
  found.neighbours.forEach((near) => {
    const line = OPEN.filter((row) => row.one_recipe && row.family === near.family && hasPair(row, state.x, state.y)).map(place);
    parts.push(make("polyline", { points: line.map((at) => at.map((v) => v.toFixed(1)).join(",")).join(" "), class: "cd-near" }));
  });
  if (own.length > 1) {
    parts.push(make("polyline", { points: own.map((at) => at.map((v) => v.toFixed(1)).join(",")).join(" "), class: "cd-own" }));
  }
  own.forEach((at) => parts.push(make("circle", { cx: at[0].toFixed(1), cy: at[1].toFixed(1), r: 5.5, class: "cd-mine" })));
  [...own.keys()].sort((a, b) => Number(b === own.length - 1 || b === 0) - Number(a === own.length - 1 || a === 0))
    .forEach((i) => label(own[i], sizeText(found.ladder[i].params_b), "cd-own-label"));
  found.neighbours.forEach((near) => {
    const line = OPEN.filter((row) => row.one_recipe && row.family === near.family && hasPair(row, state.x, state.y)).map(place);
    label(line[line.length - 1], near.family, "cd-near-label");
  });
  map.over.replaceChildren(...parts);
  map.svg.setAttribute("aria-label", mapWords(found, state, map.dots.length));
}

/** @param {any} found @param {State} state @param {number} dots */
function mapWords(found, state, dots) {
  const own = found.ladder.map((model) => sizeText(model.params_b) + " at " + fixed(Number(model.scores[state.x]), 1) + ", " +
    fixed(Number(model.scores[state.y]), 1));
  return benchmarkTitle(state.y) + " against " + benchmarkTitle(state.x) + ", both in percent: " + dots +
    " models of the panels as dots" + (own.length ? ", and your ladder from " + own.join("; ") : "") + ". " + nearWords(found);
}

/** @param {any} found */
function nearWords(found) {
  if (!found.neighbours.length) return "No family of the open panel shares two of these sizes.";
  return "Nearest families of the open panel: " + found.neighbours.map((near) => near.family + " (" + fixed(near.distance_pp, 1) +
    " points over " + near.sizes + " sizes)").join(", ") + ".";
}

/** @param {any} found */
function leftOutWords(found) {
  return found.in_panel.length ? " Left out, for holding the same models: " + found.in_panel.join(", ") + "." : "";
}

/** @param {Desk} desk */
function mountMap(desk) {
  const mapBox = make("div", { class: "cd-map", tabindex: "0", role: "group", "aria-describedby": "cd-map-keys",
    "aria-label": "Map of the models; arrow keys go from dot to dot, Enter loads the family" });
  const under = make("p", { class: "cd-under", role: "status" });
  const near = make("p", { class: "cd-near-words" });
  const map = { box: mapBox, ground: "", at: null, dots: [], here: -1 };
  let found = /** @type {any} */ (null);
  let shown = desk.state();
  // A dot under the pointer, or under the arrow keys
  const point = (/** @type {number} */ place) => {
    map.dots[map.here]?.dot.classList.remove("cd-pointed");
    map.here = place;
    const one = map.dots[place];
    one?.dot.classList.add("cd-pointed");
    under.textContent = one ? one.row.model + " (" + (one.row.panel === "open" ? "open panel" : "the paper\u2019s panel") + "), " +
      sizeText(one.row.params_b) + ": " + benchmarkTitle(shown.x) + " " + one.row.scores[shown.x] + ", " + benchmarkTitle(shown.y) + " " + one.row.scores[shown.y] : "";
  };
  mapBox.addEventListener("pointermove", (event) => {
    const dot = /** @type {Element} */ (event.target).closest("[data-place]");
    if (dot) point(Number(dot.getAttribute("data-place")));
  });
  mapBox.addEventListener("click", (event) => {
    const dot = /** @type {Element} */ (event.target).closest("[data-place]");
    if (dot) loadRow(map.dots[Number(dot.getAttribute("data-place"))].row);
  });
  const loadRow = (/** @type {any} */ row) => desk.loadFamily(row.panel + "/" + row.family);
  mapBox.addEventListener("keydown", (event) => {
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (event.key === "Enter" && map.here >= 0) {
      loadRow(map.dots[map.here].row);
    } else if (way) {
      event.preventDefault();
      desk.touch();
      const at = (/** @type {any} */ one) => [Number(one.dot.getAttribute("cx")), Number(one.dot.getAttribute("cy"))];
      if (map.here < 0) {
        point(0);
        return;
      }
      const from = at(map.dots[map.here]);
      let best = -1;
      let least = Infinity;
      map.dots.forEach((one, i) => {
        const to = at(one);
        const along = (to[0] - from[0]) * way[0] + (to[1] - from[1]) * way[1];
        const aside = Math.abs((to[0] - from[0]) * way[1]) + Math.abs((to[1] - from[1]) * way[0]);
        if (i !== map.here && along > 0 && along + 2 * aside < least) {
          best = i;
          least = along + 2 * aside;
        }
      });
      if (best >= 0) point(best);
    }
  });
  whenResized(mapBox, () => { if (found) showMap(map, found, shown); });
  const key = (/** @type {string} */ name, /** @type {string} */ words) => [make("i", { class: "cd-k cd-k-" + name }), words];
  return {
    parts: [make("p", { class: "cd-legend" }, ...key("mine", "your ladder "), ...key("near", "nearest families "),
      ...key("open", "open panel "), ...key("paper", "the paper\u2019s panel")), mapBox, under,
    make("p", { class: "cd-quiet", id: "cd-map-keys" },
      "Click a dot, or go to it with the arrow keys and press Enter, and its family stands in the form."), near],
    show: (/** @type {any} */ now, /** @type {State} */ state) => {
      found = now;
      shown = state;
      showMap(map, found, state);
      near.textContent = nearWords(found) + leftOutWords(found);
    },
  };
}

CARDS.push({ id: "cd-map", title: "Map", mount: mountMap,
  words: (found) => [nearWords(found) + leftOutWords(found)] });
