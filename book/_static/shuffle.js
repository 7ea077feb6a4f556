// The front page's instrument: the steps of Pythia's two scores, each shuffled by itself, as in cape_utils.scaling.trend_nulls
// (monotone_null); tests/browser/test_front.py holds the two together. Data, axes and words come with the figure, see book/_ext/cape_front.py.
(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const SEED = 20260;

  // Numbers in [0, 1) that are the same on every visit (mulberry32).
  function generator(seed) {
    let state = seed >>> 0;
    return function () {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffled(series, random) {
    const steps = series.slice(1).map(function (value, i) { return value - series[i]; });
    for (let i = steps.length - 1; i > 0; i -= 1) {
      const j = Math.floor(random() * (i + 1));
      [steps[i], steps[j]] = [steps[j], steps[i]];
    }
    const result = [series[0]];
    steps.forEach(function (step) { result.push(result[result.length - 1] + step); });
    return result;
  }

  function correlation(x, y) {
    const mean = function (values) { return values.reduce(function (a, b) { return a + b; }, 0) / values.length; };
    const mx = mean(x);
    const my = mean(y);
    let xy = 0;
    let xx = 0;
    let yy = 0;
    x.forEach(function (value, i) {
      xy += (value - mx) * (y[i] - my);
      xx += (value - mx) * (value - mx);
      yy += (y[i] - my) * (y[i] - my);
    });
    return xy / Math.sqrt(xx * yy);
  }

  function median(values) {
    const sorted = values.slice().sort(function (a, b) { return a - b; });
    const half = sorted.length / 2;
    return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
  }

  function shown(value) {
    return value.toFixed(3).replace("-", "\u2212");
  }

  function filled(words, values) {
    return words.replace(/\{(\w+)\}/g, function (_, name) { return values[name]; });
  }

  function enhance(figure) {
    const known = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const box = known.box;
    const r = known.axes.r;
    const observed = correlation(known.x, known.y);
    const dots = Array.from(figure.querySelectorAll(".points circle"));
    const line = figure.querySelector(".points .line");
    const bars = figure.querySelector(".draws .bars");
    const most = figure.querySelector(".draws .most");
    const status = figure.querySelector("[role='status']");
    let random;
    let draws;

    function pixel(value, axis, start, end) {
      return start + ((value - axis.low) / (axis.high - axis.low)) * (end - start);
    }

    function place(x, y) {
      const points = x.map(function (value, i) {
        return [
          pixel(value, known.axes.x, box.left, box.right).toFixed(1),
          pixel(y[i], known.axes.y, box.bottom, box.top).toFixed(1),
        ];
      });
      points.forEach(function (point, i) {
        dots[i].setAttribute("cx", point[0]);
        dots[i].setAttribute("cy", point[1]);
      });
      line.setAttribute("d", "M" + points.map(function (point) { return point.join(" "); }).join("L"));
      figure.dataset.x = JSON.stringify(x);
      figure.dataset.y = JSON.stringify(y);
    }

    // What lies beyond the axis is counted in its last bar, so that no shuffle is lost.
    function counts() {
      const found = new Array(r.bins).fill(0);
      draws.forEach(function (value) {
        const bin = Math.floor(((value - r.low) / (r.high - r.low)) * r.bins);
        found[Math.min(r.bins - 1, Math.max(0, bin))] += 1;
      });
      return found;
    }

    function drawBars() {
      const found = counts();
      const top = Math.max(10, Math.max.apply(null, found));
      const wide = (box.right - box.left) / r.bins;
      bars.textContent = "";
      found.forEach(function (count, bin) {
        const bar = document.createElementNS(SVG, "rect");
        const high = (count / top) * (box.bottom - box.top - 6);
        bar.setAttribute("x", box.left + bin * wide + 0.5);
        bar.setAttribute("y", box.bottom - high);
        bar.setAttribute("width", wide - 1);
        bar.setAttribute("height", high);
        bar.dataset.count = count;
        bars.append(bar);
      });
      most.textContent = draws.length ? top : "";
    }

    function say() {
      const strong = draws.filter(function (value) { return value <= observed; }).length;
      const key = ["before", "one"][draws.length] || "many";
      status.textContent = filled(known.words[key], {
        count: draws.length,
        r: draws.length ? shown(draws[draws.length - 1]) : "",
        median: draws.length ? shown(median(draws)) : "",
        strong: strong,
        share: Math.round((100 * strong) / Math.max(1, draws.length)) + "%",
      });
    }

    function shuffle(times) {
      let x = known.x;
      let y = known.y;
      for (let i = 0; i < times; i += 1) {
        x = shuffled(known.x, random);
        y = shuffled(known.y, random);
        draws.push(correlation(x, y));
      }
      place(x, y);
      drawBars();
      say();
    }

    function reset() {
      random = generator(SEED);
      draws = [];
      shuffle(0);
    }

    figure.querySelectorAll("button").forEach(function (button) {
      button.addEventListener("click", function () {
        const times = Number(button.dataset.times);
        if (times) shuffle(times);
        else reset();
      });
    });
    reset();
    figure.querySelector(".cape-shuffle-controls").hidden = false;
  }

  function start() {
    document.querySelectorAll("figure.cape-shuffle").forEach(enhance);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
