// Scores against size: the ground of the small charts.

/** @typedef {{svg: any, x: (billions: number) => number, y: (percent: number) => number, left: number, right: number, top: number,
 *  bottom: number}} SizeChart */

/** Round sizes for an axis of billions, three a decade, or one where there are many. @param {number} low @param {number} high */
function sizeTicks(low, high) {
  const found = [];
  const each = Math.log10(high / low) > 3 ? [1] : Math.log10(high / low) > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    each.forEach((factor) => {
      const size = Number((factor * 10 ** power).toPrecision(3));
      if (size >= low && size <= high) found.push(size);
    });
  }
  return found;
}

/** An empty chart of one benchmark; a caller draws on it. @param {string} name @param {number[]} sizes billions
 * @param {number[]} scores percent; both as far as the chart must reach @param {string} words its text alternative
 * @param {number} [margin] room for labels on the right @returns {SizeChart} */
function sizeChart(name, sizes, scores, words, margin) {
  const [width, height] = [360, 230];
  const [left, right, top, bottom] = [34, width - (margin || 12), 24, height - 38];
  const known = scores.filter(Number.isFinite);
  const [low, high] = [Math.max(0, Math.floor((Math.min(...known) - 1) / 5) * 5), Math.min(100, Math.ceil((Math.max(...known) + 1) / 5) * 5)];
  const [from, to] = [Math.min(...sizes) / 1.25, Math.max(...sizes) * 1.25];
  const x = (/** @type {number} */ billions) => left + (Math.log(billions / from) / Math.log(to / from)) * (right - left);
  const y = (/** @type {number} */ percent) => bottom - ((percent - low) / (high - low)) * (bottom - top);
  const svg = make("svg", { viewBox: "0 0 " + width + " " + height, class: "cd-sizes", role: "img", "aria-label": words });
  ticks(low, high).forEach((value) => svg.append(
    make("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "cd-grid" }),
    make("text", { x: left - 5, y: y(value) + 4, class: "cd-axis", "text-anchor": "end" }, String(value))));
  let edge = -Infinity;
  sizeTicks(from, to).forEach((size) => {
    const half = sizeText(size).length * 3.4;
    svg.append(make("line", { x1: x(size), x2: x(size), y1: bottom, y2: bottom + 4, class: "cd-zero" }));
    if (x(size) - half < edge + 6 || x(size) + half > width) return;
    edge = x(size) + half;
    svg.append(make("text", { x: x(size), y: bottom + 16, class: "cd-axis", "text-anchor": "middle" }, sizeText(size)));
  });
  svg.append(make("text", { x: 4, y: 13, class: "cd-title" }, benchmarkTitle(name) + ", percent"),
    make("text", { x: (left + right) / 2, y: height - 5, class: "cd-axis", "text-anchor": "middle" }, "size, billion parameters"));
  return { svg: svg, x: x, y: y, left: left, right: right, top: top, bottom: bottom };
}

/** A line through points. @param {SizeChart} chart @param {number[][]} points sizes and scores @param {string} cls */
function chartLine(chart, points, cls) {
  chart.svg.append(make("polyline", { class: cls,
    points: points.map(([size, score]) => chart.x(size).toFixed(1) + "," + chart.y(score).toFixed(1)).join(" ") }));
}

/** The models of the form: their scores with two standard errors to each side. @param {SizeChart} chart @param {any} found
 * @param {string} name */
function chartLadder(chart, found, name) {
  const given = found.ladder.filter((model) => scoreOf(model, name) !== null);
  chartLine(chart, given.map((model) => [model.params_b, model.scores[name]]), "cd-own");
  given.forEach((model) => {
    const [x, score] = [chart.x(model.params_b), Number(model.scores[name])];
    const reach = 2 * itemError(score, itemsOf(model, name)) || 0; // where the number of items is not known
    chart.svg.append(
      make("line", { x1: x, x2: x, y1: chart.y(Math.max(0, score - reach)), y2: chart.y(Math.min(100, score + reach)), class: "cd-reach" }),
      make("circle", { cx: x, cy: chart.y(score), r: 4, class: "cd-mine" }));
  });
}

/** Both ends of what a chart must show of the ladder. @param {any} found @param {string} name @returns {number[]} */
function ladderReach(found, name) {
  return found.ladder.filter((model) => scoreOf(model, name) !== null).flatMap((model) => {
    const [score, reach] = [Number(model.scores[name]), 2 * itemError(Number(model.scores[name]), itemsOf(model, name)) || 0];
    return [score - reach, score + reach];
  });
}

/** Where the ladder lies, for a text alternative. @param {any} found @param {string} name */
function ladderWords(found, name) {
  return found.ladder.filter((model) => scoreOf(model, name) !== null).map((model) => sizeText(model.params_b) + " at " +
    fixed(Number(model.scores[name]), 1)).join(", ");
}
