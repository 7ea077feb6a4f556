// Bets, exercises and the record of bets. Questions, answers and words come with each form (see cape_utils/teaching/pages.py);
// this file does what cape_utils/teaching/questions.py, pictures.bet_mark and records.calibration_words do.
(function () {
  "use strict";

  const KEY = "cape-bets";
  const CLOSE = 2;
  const MINUS = "\u2212";
  const MINE = "#D55E00";
  const WIDTH = 360;
  const HALO = ' style="paint-order:stroke;stroke:var(--pst-color-background,var(--jp-layout-color0,#fff));stroke-width:3px"';
  const NOT_YET = "Not yet; try again, or open the hint.";

  // What a reader has bet is kept in the browser, and nowhere else; where that is not allowed nothing is said.
  function kept() {
    try {
      const found = JSON.parse(window.localStorage.getItem(KEY));
      return found && typeof found === "object" && !Array.isArray(found) ? found : {};
    } catch (error) {
      return {};
    }
  }

  function store(records) {
    try {
      window.localStorage.setItem(KEY, JSON.stringify(records));
    } catch (error) {
      // the bet is shown all the same
    }
  }

  // Numbers

  const NOT_A_NUMBER = "not a number"; // what a field holds that has words in it and no number

  function readNumber(text) {
    let plain = text.split(MINUS).join("-").replace(/[1-9]\d{0,2}(?:,\d{3})+(?!\d)/g, function (hit) {
      return hit.split(",").join("");
    });
    plain = plain.replace(/(\d),(\d)/g, "$1.$2");
    const found = plain.match(/[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/);
    const value = found ? Number(found[0]) : NaN;
    return Number.isFinite(value) ? value : null;
  }

  function fixed(value, decimals) {
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
  }

  function show(ask, answer) {
    if (ask.kind === "choice") return answer;
    const one = function (value) { return fixed(value, ask.decimals) + ask.unit; };
    return ask.kind === "line" ? answer.map(one).join(", ") : one(answer);
  }

  // Bets

  function off(answer, bet) {
    const truth = [].concat(answer);
    const gaps = [].concat(bet).map(function (value, i) { return value - truth[i]; });
    const mean = function (values) { return values.reduce(function (a, b) { return a + b; }, 0) / values.length; };
    return { distance: mean(gaps.map(Math.abs)), mean: mean(gaps) };
  }

  function isRight(ask, answer, bet) {
    return ask.kind === "choice" ? bet === answer : off(answer, bet).distance <= ask.tolerance + 1e-9;
  }

  function betWords(known, bet) {
    const ask = known.ask;
    if (bet === NOT_A_NUMBER) return "Give a number, or leave the field empty to see the answer.";
    if (bet === null) return "No bet was placed; the answer is " + known.shown + ".";
    if (ask.kind === "choice") {
      return bet === known.answer ? "Right: " + known.right + "." : "Not so: " + known.wrong[bet] + ".";
    }
    const gap = off(known.answer, bet);
    const far = fixed(gap.distance, ask.decimals) + (ask.unit === "%" ? " points" : ask.unit);
    const line = "your line is " + far + " from the measured one on average";
    if (isRight(ask, known.answer, bet)) {
      return "Right: " + (ask.kind === "line" ? line : show(ask, bet) + " is " + far + " away") + "; " + known.right + ".";
    }
    const high = gap.mean > 0;
    const start = ask.kind === "line" ? line : show(ask, bet) + " is " + far + (high ? " too high" : " too low");
    return (gap.distance <= CLOSE * ask.tolerance ? "Close: " : "Far off: ") + start + "; " +
      (high ? known.tooHigh : known.tooLow) + ".";
  }

  function place(value, low, high, start, end) {
    const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
    return Math.floor((start + share * (end - start)) * 10 + 0.5) / 10;
  }

  function diamond(x, y) {
    return '<path d="M' + x + " " + Number((y - 7).toFixed(1)) + 'l7 7-7 7-7-7z" fill="' + MINE + '"/>';
  }

  function label(x, y, words, anchor, more) {
    return '<text x="' + x + '" y="' + y + '" text-anchor="' + anchor + '"' + more + HALO + ">" + words + "</text>";
  }

  function height(scale, value) {
    return place(value, scale.low, scale.high, scale.floor, scale.top);
  }

  function betMark(scale, bet) {
    const bold = ' font-weight="bold"';
    if (scale.kind === "bars") return label(scale.x, scale.rows[bet], "\u25c6 you bet on this", "end", bold);
    if (scale.kind === "axis") {
      const x = place(bet, scale.low, scale.high, scale.left, scale.right);
      const anchor = x < 90 ? "start" : x > WIDTH - 90 ? "end" : "middle";
      return diamond(x, scale.floor) + label(x, scale.floor + 22, "your bet", anchor, bold);
    }
    const points = scale.xs.map(function (x, i) { return [x, height(scale, bet[i])]; });
    const dashed = ' stroke-dasharray="6 4"';
    const listed = points.map(function (point) { return point.join(","); }).join(" ");
    return '<polyline points="' + listed + '" fill="none" stroke="' + MINE + '" stroke-width="2.5"' + dashed + "/>" +
      points.map(function (point) { return diamond(point[0], point[1]); }).join("") +
      '<path d="M60 200L86 200" stroke="' + MINE + '" fill="none" stroke-width="3"' + dashed + "/>" +
      label(92, 204, "your line", "start", "");
  }

  // A sheet to draw on: the pointer sets the sliders, which the keyboard reaches too.
  function drawnLine(form, known, sliders) {
    const sheet = form.querySelector(".cape-sheet");
    const scale = known.scale;

    function values() {
      return sliders.map(function (slider) { return Number(slider.value); });
    }

    function draw() {
      const points = scale.xs.map(function (x, i) { return [x, height(scale, values()[i])]; });
      const ends = [scale.low, (scale.low + scale.high) / 2, scale.high].map(function (value) {
        const y = height(scale, value);
        return '<path d="M52 ' + y + "L338 " + y + '" stroke="#7F7F7F" stroke-opacity="0.4"/>' +
          label(46, y + 4, fixed(value, known.ask.decimals) + known.ask.unit, "end", "");
      });
      const every = Math.max(1, Math.ceil(scale.xs.length / 5));
      const places = scale.xs.map(function (x, i) {
        return i % every === 0 || i === scale.xs.length - 1 ? label(x, 176, known.ask.at[i], "middle", "") : "";
      });
      sheet.innerHTML = ends.join("") + places.join("") + '<polyline points="' +
        points.map(function (point) { return point.join(","); }).join(" ") + '" fill="none" stroke="' + MINE +
        '" stroke-width="2.5" stroke-dasharray="6 4"/>' +
        points.map(function (point) { return diamond(point[0], point[1]); }).join("");
      sliders.forEach(function (slider) {
        const words = show({ kind: "number", decimals: known.ask.decimals, unit: known.ask.unit }, Number(slider.value));
        slider.setAttribute("aria-valuetext", words);
        slider.parentElement.querySelector("output").textContent = words;
      });
    }

    function follow(event) {
      const box = sheet.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      const y = ((event.clientY - box.top) / box.height) * 190;
      let nearest = 0;
      scale.xs.forEach(function (at, i) { if (Math.abs(at - x) < Math.abs(scale.xs[nearest] - x)) nearest = i; });
      const share = Math.min(Math.max((scale.floor - y) / (scale.floor - scale.top), 0), 1);
      sliders[nearest].value = String(scale.low + share * (scale.high - scale.low));
      draw();
    }

    sheet.addEventListener("pointerdown", function (event) {
      sheet.setPointerCapture(event.pointerId);
      follow(event);
      event.preventDefault();
    });
    sheet.addEventListener("pointermove", function (event) {
      if (event.buttons) follow(event);
    });
    sliders.forEach(function (slider) { slider.addEventListener("input", draw); });
    draw();
    return { values: values, draw: draw };
  }

  function mountBet(form) {
    const known = JSON.parse(form.dataset.bet);
    const kind = known.ask.kind;
    const text = form.querySelector("input[type=text]");
    const sliders = Array.from(form.querySelectorAll("input[type=range]"));
    const line = kind === "line" ? drawnLine(form, known, sliders) : null;
    if (text) {
      sliders[0].addEventListener("input", function () { text.value = sliders[0].value; });
      text.addEventListener("input", function () {
        const value = readNumber(text.value);
        if (value !== null) sliders[0].value = String(value);
      });
    }

    function read() {
      if (kind === "line") return line.values();
      if (kind === "number") {
        const value = readNumber(text.value);
        return value === null && text.value.trim() ? NOT_A_NUMBER : value;
      }
      const chosen = form.querySelector("input[type=radio]:checked");
      return chosen ? chosen.value : null;
    }

    function reveal(bet) {
      form.querySelector(".cape-feedback").textContent = betWords(known, bet);
      if (bet === NOT_A_NUMBER) return; // a slip of the pen gives nothing away
      const drawing = form.querySelector(".cape-answer svg");
      const before = drawing.querySelector(".cape-mine");
      if (before) before.remove();
      if (bet !== null) {
        const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
        group.setAttribute("class", "cape-mine");
        drawing.append(group);
        group.innerHTML = betMark(known.scale, bet);
      }
      form.querySelector(".cape-answer").hidden = false;
    }

    // A bet placed on an earlier visit is shown again with its answer.
    function restore(record) {
      if (kind === "choice") {
        form.querySelectorAll("input[type=radio]").forEach(function (radio) { radio.checked = radio.value === record.value; });
        if (!form.querySelector("input[type=radio]:checked")) return;
      } else if (kind === "number" && typeof record.value === "number") {
        text.value = String(record.value);
        sliders[0].value = text.value;
      } else if (kind === "line" && Array.isArray(record.value) && record.value.length === sliders.length) {
        sliders.forEach(function (slider, i) { slider.value = String(record.value[i]); });
        line.draw();
      } else return;
      form.elements.sure.value = String(record.sure);
      reveal(read());
    }

    form.addEventListener("submit", function (event) {
      event.preventDefault();
      const bet = read();
      reveal(bet);
      const records = kept();
      if (bet === null || bet === NOT_A_NUMBER || records[known.id]) return; // the first bet counts; later ones know the answer
      records[known.id] = {
        value: bet, bet: show(known.ask, bet), answer: known.shown, right: isRight(known.ask, known.answer, bet),
        sure: Number(form.elements.sure.value),
      };
      store(records);
    });
    const earlier = kept()[known.id];
    if (earlier && typeof earlier === "object") restore(earlier);
    form.dataset.mounted = "true";
  }

  // Exercises

  function checkAnswer(known, given) {
    const ask = known.ask;
    if (ask.kind === "choice") {
      if (given === null) return "Choose one of these: " + ask.options.join("; ") + ".";
      if (given === known.answer) return "Right.";
      const told = known.mistakes.find(function (mistake) { return mistake[0] === given; });
      return told ? told[1] : NOT_YET;
    }
    const value = readNumber(given);
    if (value === null) return "Give a number.";
    const truth = known.answer;
    if (Math.abs(value - truth) <= ask.tolerance + 1e-9) return "Right.";
    const told = known.mistakes.find(function (mistake) {
      return Math.abs(value - mistake[0]) <= Math.max(ask.tolerance, 0.01 * Math.abs(mistake[0])) + 1e-9;
    });
    if (told) return told[1];
    const usual = [
      ["The size is right and the sign is not.", -truth],
      ["This is a hundredth of the answer; it looks like a share, and percent are asked for.", truth / 100],
      ["This is a hundred times the answer; it looks like percent, and no percent are asked for.", 100 * truth],
    ].find(function (one) {
      return truth && Math.abs(value - one[1]) <= ask.tolerance * Math.abs(one[1] / truth) + 1e-9;
    });
    return usual ? usual[0] : NOT_YET;
  }

  function mountExercise(form) {
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      form.querySelectorAll(".cape-part").forEach(function (part) {
        const known = JSON.parse(part.dataset.part);
        const box = part.querySelector("input[type=text]");
        const chosen = part.querySelector("input[type=radio]:checked");
        const words = checkAnswer(known, box ? box.value : chosen ? chosen.value : null);
        const said = part.querySelector(".cape-feedback");
        said.textContent = words;
        said.dataset.right = String(words === "Right.");
      });
    });
    form.dataset.mounted = "true";
  }

  // The record of bets

  function calibrationWords(records, asked) {
    if (!records.length) return "No bet is kept here yet. Place one under Predict first in any chapter, and come back.";
    const sum = function (of) { return records.reduce(function (total, one) { return total + of(one); }, 0); };
    const expected = sum(function (one) { return one.sure / 100; });
    const spread = Math.sqrt(sum(function (one) { return (one.sure / 100) * (1 - one.sure / 100); }));
    const right = sum(function (one) { return one.right ? 1 : 0; });
    const verdict = Math.abs(right - expected) <= 1.96 * spread
      ? "with so few bets that is no sign of being too sure or not sure enough"
      : right < expected ? "you were too sure" : "you were not sure enough";
    const brier = sum(function (one) { return Math.pow(one.sure / 100 - (one.right ? 1 : 0), 2); }) / records.length;
    return "You placed " + records.length + " of " + asked + (asked === 1 ? " bet" : " bets") + " and were right on " + right +
      ". If you were as often right as you were sure, it would have been " + expected.toFixed(1) + ": " + verdict +
      ". Your Brier score is " + brier.toFixed(2) + ", where 0 is best and saying 50% every time gives 0.25.";
  }

  function sound(record) {
    return record && typeof record === "object" && typeof record.right === "boolean" && Number.isFinite(record.sure);
  }

  function cell(row, kind, words) {
    const made = document.createElement(kind);
    made.textContent = words;
    row.append(made);
    return made;
  }

  function mountRecord(place) {
    const asked = JSON.parse(place.dataset.bets);
    const said = place.querySelector("[role=status]");

    function fill() {
      const records = kept();
      const placed = asked.filter(function (bet) { return sound(records[bet.id]); });
      said.replaceChildren();
      const words = document.createElement("p");
      words.textContent = calibrationWords(placed.map(function (bet) { return records[bet.id]; }), asked.length);
      said.append(words);
      place.querySelectorAll("table, button").forEach(function (old) { old.remove(); });
      if (!placed.length) return;
      const table = document.createElement("table");
      table.className = "cape-bets";
      const head = table.createTHead().insertRow();
      ["Bet", "You said", "Answer", "Sure", "Right"].forEach(function (name) { cell(head, "th", name).scope = "col"; });
      const body = table.createTBody();
      placed.forEach(function (bet) {
        const record = records[bet.id];
        const row = body.insertRow();
        const link = document.createElement("a");
        link.href = bet.page;
        link.textContent = bet.id;
        link.title = bet.question;
        cell(row, "td", "").append(link);
        [String(record.bet), String(record.answer), record.sure + "%", record.right ? "✓ yes" : "✗ no"]
          .forEach(function (shown) { cell(row, "td", shown); });
      });
      const forget = document.createElement("button");
      forget.type = "button";
      forget.textContent = "Forget my bets";
      forget.addEventListener("click", function () {
        store({});
        fill();
      });
      place.append(table, forget);
    }

    fill();
    place.dataset.mounted = "true";
  }

  function start() {
    document.querySelectorAll("form.cape-bet").forEach(mountBet);
    document.querySelectorAll("form.cape-exercise").forEach(mountExercise);
    document.querySelectorAll(".cape-record").forEach(mountRecord);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
