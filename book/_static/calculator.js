// The calculator of the dashboard chapter: two models' scores in, coupling, phases and h out. Every constant comes with
// the form (see cape_utils/chapters/ch12_dashboard/calculator.py); this file does the arithmetic of coupling.local_coupling and of the curves.
(function () {
  "use strict";

  // Standard normal distribution. The series has only positive terms, so nothing cancels.
  function cdf(z) {
    if (z > 8.5) return 1;
    if (z < -8.5) return 0;
    const a = Math.abs(z);
    let term = a;
    let sum = a;
    for (let k = 3; term > 1e-17 * sum; k += 2) {
      term *= (a * a) / k;
      sum += term;
    }
    const upper = 0.5 + sum * density(a);
    return z >= 0 ? upper : 1 - upper;
  }

  function density(z) {
    return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  }

  // Standard error of a score in percent from its number of items.
  function itemError(score, items) {
    const share = score / 100;
    return 100 * Math.sqrt((share * (1 - share)) / items);
  }

  // P(Y / X <= at) for independent normals: integrate over X.
  function ratioBelow(dx, dy, sx, sy, at) {
    const points = 4000; // an even number: no point where X is 0
    const step = 16 / (points - 1);
    let total = 0;
    for (let i = 0; i < points; i += 1) {
      const z = -8 + i * step;
      const x = dx + sx * z;
      const below = cdf((at * x - dy) / sy);
      total += (x > 0 ? below : 1 - below) * density(z) * step;
    }
    return total;
  }

  function percentile(values, share) {
    const sorted = values.slice().sort(function (a, b) { return a - b; });
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  function couple(a, b, known, x, y) {
    const items = { x: known.benchmarks[x].items, y: known.benchmarks[y].items };
    const dx = Math.round((b.x - a.x) * 1e9) / 1e9;
    const dy = Math.round((b.y - a.y) * 1e9) / 1e9;
    const sx = Math.hypot(itemError(a.x, items.x), itemError(b.x, items.x));
    const sy = Math.hypot(itemError(a.y, items.y), itemError(b.y, items.y));
    const coupling = dx === 0 ? NaN : dy / dx;
    const tax = ratioBelow(dx, dy, sx, sy, -known.edge);
    const bonus = 1 - ratioBelow(dx, dy, sx, sy, known.edge);
    return {
      dx: dx, dy: dy, sx: sx, sy: sy, coupling: coupling,
      se: Math.sqrt(sy * sy + coupling * coupling * sx * sx) / Math.abs(dx),
      shares: { tax: tax, transition: Math.max(0, 1 - tax - bonus), bonus: bonus },
    };
  }

  // Text: a true minus sign, and no minus before a zero.
  function signed(value, digits, plus) {
    const text = Math.abs(value).toFixed(digits);
    if (Number(text) === 0) return text;
    return (value < 0 ? "\u2212" : plus ? "+" : "") + text;
  }

  function percent(share) {
    return (100 * share).toFixed(1) + "%";
  }

  function line(parent, key, label, words) {
    const row = document.createElement("div");
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.textContent = label;
    value.textContent = words;
    value.dataset.key = key;
    row.append(name, value);
    parent.append(row);
  }

  function likeliest(shares, known) {
    const order = known.phases.slice().sort(function (p, q) { return shares[q] - shares[p]; });
    return shares[order[0]] - shares[order[1]] >= known.lead ? order[0] : "";
  }

  function showCoupling(list, found, known, x, y) {
    const titles = [known.benchmarks[x].title, known.benchmarks[y].title];
    line(list, "dx", "Change of " + titles[0], signed(found.dx, 2, true) + " ± " + found.sx.toFixed(2) + " points");
    line(list, "dy", "Change of " + titles[1], signed(found.dy, 2, true) + " ± " + found.sy.toFixed(2) + " points");
    line(list, "coupling", "Coupling", found.dx === 0
      ? "not defined, because " + titles[0] + " does not change"
      : signed(found.coupling, 3, true) + " ± " + found.se.toFixed(3));
    known.phases.forEach(function (name) {
      line(list, name, "Probability of " + name, percent(found.shares[name]));
    });
    const named = found.dx === 0 ? "" : likeliest(found.shares, known);
    line(list, "phase", "Likeliest phase", named || (found.dx === 0
      ? "none, because there is no coupling" : "none, two are equally likely"));
  }

  function showCurve(list, a, b, known, y) {
    const curve = known.curves[y];
    const items = known.benchmarks[y].items;
    const c = curve.coefficients;
    const sizes = [Math.log10(a.size), Math.log10(b.size)];
    const h = [a, b].map(function (model, i) {
      const expected = c[0] + c[1] * sizes[i] + c[2] * sizes[i] * sizes[i];
      line(list, "h" + (i + 1), "h at " + model.size + "B",
        signed(model.y - expected, 1, true) + " ± " + itemError(model.y, items).toFixed(1) +
        " points; the curve gives " + signed(expected, 1, false) + "%");
      return model.y - expected;
    });
    const first = (sizes[0] + sizes[1]) / 2;
    const second = (sizes[0] * sizes[0] + sizes[1] * sizes[1]) / 2;
    const nothing = curve.draws.map(function (d) { return d[0] + d[1] * first + d[2] * second + d[3]; });
    const mean = (h[0] + h[1]) / 2;
    const low = percentile(nothing, 0.025);
    const high = percentile(nothing, 0.975);
    line(list, "mean", "Mean h", signed(mean, 1, true) + " points; web-trained families of these sizes lie from " +
      signed(low, 0, true) + " to " + signed(high, 0, true) + ", so this is " +
      (mean < low || mean > high ? "unusual" : "nothing unusual"));
    // As in neighbours.web_distance, in log10; browsers may round a logarithm in its last digit.
    if (sizes[0] < curve.low - 1e-12 || sizes[1] > curve.high + 1e-12) {
      line(list, "beyond", "Beware", "the curve knows sizes from " + Math.pow(10, curve.low).toPrecision(2) + "B to " +
        Math.pow(10, curve.high).toPrecision(3) + "B; beyond them it is a guess");
    }
  }

  function showLine(list, a, b, known) {
    const fit = known.line;
    const names = Object.keys(known.benchmarks);
    const items = names.map(function (name) { return known.benchmarks[name].items; });
    const found = [a, b].map(function (model, i) {
      const expected = fit.intercept + fit.slope * model.x;
      const h = model.y - expected;
      const se = Math.hypot(itemError(model.y, items[1]), fit.slope * itemError(model.x, items[0]));
      const off = model.x - fit.mean;
      const half = fit.reach * Math.sqrt(1 + 1 / fit.n + (off * off) / fit.spread);
      const word = h < -known.specialist ? "coding specialist"
        : h > known.specialist ? "reasoning specialist" : "cooperative";
      line(list, "h" + (i + 1), i ? "h of the later release" : "h of the earlier release",
        signed(h, 1, true) + " ± " + se.toFixed(1) + " points; the line gives " + signed(expected, 1, false) + "%");
      line(list, "place" + (i + 1), "The paper's word", word + (Math.abs(h) <= half
        ? "; within what single models scatter (" + half.toFixed(1) + " points)"
        : "; beyond what single models scatter (" + half.toFixed(1) + " points)"));
      return { h: h, se: se };
    });
    const change = found[1].h - found[0].h;
    const reach = 1.96 * Math.hypot(found[0].se, found[1].se);
    line(list, "mean", "Change of h", signed(change, 1, true) + " points, 95% interval " +
      signed(change - reach, 1, true) + " to " + signed(change + reach, 1, true));
  }

  // A number, or the sentence that says what came, what is allowed and the remedy.
  function read(text, name, known, benchmark) {
    const typed = text.trim();
    if (!typed) return { error: "Nothing is typed here; a number is needed." };
    if (/^[+-]?\d+,\d+$/.test(typed)) {
      return { error: "\u201c" + typed + "\u201d has a comma; write " + typed.replace(",", ".") + " with a point." };
    }
    const bare = typed.replace(/\s*[%bB]$/, "");
    if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(bare)) {
      return { error: "\u201c" + typed + "\u201d is no number; write digits, such as " +
        (name === "size" ? "1.4." : "54.6.") };
    }
    const value = Number(bare);
    if (name === "size") {
      return value >= 0.001 && value <= 100000 ? { value: value }
        : { error: typed + " is out of range; give billions of parameters, from 0.001 to 100000." };
    }
    if (!(value > 0 && value < 100)) {
      return { error: typed + " is out of range; give percent, more than 0 and less than 100." };
    }
    if (value <= 1 && known.benchmarks[benchmark].fraction) {
      return { error: typed + " looks like a fraction; give percent, such as " + Number((100 * value).toFixed(6)) + "." };
    }
    return { value: value };
  }

  function mount(form) {
    const known = JSON.parse(form.dataset.constants);
    const results = form.querySelector(".calc-results");
    const fixed = Object.keys(known.benchmarks);

    function complain(field, words) {
      const place = document.getElementById(field.id + "-error");
      if (place.textContent !== words) place.textContent = words;
      if (words) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }

    function show() {
      const x = form.elements.x ? form.elements.x.value : fixed[0];
      const y = form.elements.y ? form.elements.y.value : fixed[1];
      const models = { a: {}, b: {} };
      let wrong = 0;
      form.querySelectorAll("[data-label]").forEach(function (label) {
        const kind = label.dataset.label[0];
        if (kind !== "s") label.textContent = known.benchmarks[kind === "x" ? x : y].title;
      });
      form.querySelectorAll("input").forEach(function (field) {
        const parts = field.name.split("_");
        const found = read(field.value, parts[0], known, parts[0] === "x" ? x : y);
        complain(field, found.error || "");
        wrong += found.error ? 1 : 0;
        models[parts[1]][parts[0]] = found.value;
      });
      if (form.elements.x) {
        complain(form.elements.y, x === y ? "This is the same benchmark twice; choose two." : "");
        wrong += x === y ? 1 : 0;
        const twice = models.a.size !== undefined && models.a.size === models.b.size;
        if (twice) {
          complain(form.elements.size_b, "Both models have " + models.b.size + "B; a step needs two sizes.");
          wrong += 1;
        }
      }
      results.replaceChildren();
      if (wrong) {
        const words = document.createElement("p");
        words.textContent = wrong + (wrong > 1 ? " fields need" : " field needs") +
          " mending, as marked; what you typed stays.";
        results.append(words);
        return;
      }
      let pair = [models.a, models.b];
      if (form.elements.x && models.a.size > models.b.size) pair = [models.b, models.a];
      const list = document.createElement("dl");
      showCoupling(list, couple(pair[0], pair[1], known, x, y), known, x, y);
      if (known.curves) showCurve(list, pair[0], pair[1], known, y);
      else showLine(list, pair[0], pair[1], known);
      results.append(list);
    }

    let timer = 0;
    form.addEventListener("input", function () {
      // A reader who hears the results should not hear every keystroke's.
      window.clearTimeout(timer);
      timer = window.setTimeout(show, 250);
    });
    form.addEventListener("submit", function (event) { event.preventDefault(); show(); });
    show();
    form.dataset.mounted = "true";
  }

  function start() {
    document.querySelectorAll("form.cape-calculator").forEach(mount);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
