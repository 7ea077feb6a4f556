// Results of lm-evaluation-harness and lighteval, one file or a folder of them, as a table of scores. Mirrors cape_utils/evaluations:
// formats, tasks, identity, merging, sizes and reading.

/** @typedef {{name: string, bytes: Uint8Array}} Given  A file, by the name that messages call it. */
/** @typedef {{percent: number, items: number|null, shots: number|null, version: string|null, formulation: null}} Score */
/** @typedef {{file: string, named: string, namedBy: string, scores: Map<string, Score>, conditions: Object<string, string>,
 *  when: number|null, stamped: number|null, count: number|null, leftOut: Map<string, string>}} Run */

/** A number that was written with a point or an exponent; a whole one is a plain number, as Python tells them apart. */
class Real {
  /** @param {number} value */
  constructor(value) {
    this.value = value;
  }
}

/** A file that cannot be used. */
class BrokenFile extends Error {
  /** @param {string|null} key @param {string|null} value @param {string} allowed @param {boolean} [sound] it holds no benchmark of
   * the book, and nothing is wrong with it */
  constructor(key, value, allowed, sound) {
    super(allowed);
    this.key = key;
    this.value = value;
    this.allowed = allowed;
    this.sound = Boolean(sound);
  }
}

/** A document as Python's json reads it: objects as maps, NaN and Infinity too. @param {string} text @returns {any} */
function parseJson(text) {
  let at = 0;
  const fault = (/** @type {string} */ words, /** @type {number} */ place) => {
    const line = text.slice(0, place).split("\n").length;
    throw new BrokenFile(null, null, "this is not JSON (line " + line + ": " + words + "); it may be cut short, so run the evaluation again");
  };
  const space = () => { while (" \t\n\r".includes(text[at]) && at < text.length) at += 1; };
  const string = () => {
    const begin = at;
    at += 1;
    let found = "";
    for (;;) {
      if (at >= text.length) fault("Unterminated string starting at", begin);
      const char = text[at];
      if (char === '"') break;
      if (char < " ") fault("Invalid control character at", at);
      if (char !== "\\") {
        found += char;
        at += 1;
        continue;
      }
      const next = text[at + 1];
      if (next === undefined) fault("Unterminated string starting at", begin);
      const plain = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[next];
      if (plain !== undefined) {
        found += plain;
        at += 2;
      } else if (next === "u") {
        const digits = text.slice(at + 2, at + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) fault("Invalid \\uXXXX escape", at + 1);
        found += String.fromCharCode(parseInt(digits, 16));
        at += 6;
      } else fault("Invalid \\escape", at);
    }
    at += 1;
    return found;
  };
  const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
  /** @returns {any} */
  const value = () => {
    const char = text[at];
    if (char === '"') return string();
    if (char === "{") return object();
    if (char === "[") return list();
    const words = [["null", null], ["true", true], ["false", false], ["NaN", new Real(NaN)], ["Infinity", new Real(Infinity)],
      ["-Infinity", new Real(-Infinity)]].find(([word]) => text.startsWith(/** @type {string} */ (word), at));
    if (words) {
      at += /** @type {string} */ (words[0]).length;
      return words[1];
    }
    NUMBER.lastIndex = at;
    const match = NUMBER.exec(text);
    if (!match) fault("Expecting value", at);
    at += match[0].length;
    return match[2] || match[3] ? new Real(Number(match[0])) : Number(match[0]);
  };
  const object = () => {
    const found = new Map();
    at += 1;
    space();
    if (text[at] === "}") {
      at += 1;
      return found;
    }
    for (;;) {
      if (text[at] !== '"') fault("Expecting property name enclosed in double quotes", at);
      const key = string();
      space();
      if (text[at] !== ":") fault("Expecting ':' delimiter", at);
      at += 1;
      space();
      found.set(key, value());
      space();
      if (text[at] === "}") break;
      if (text[at] !== ",") fault("Expecting ',' delimiter", at);
      at += 1;
      space();
    }
    at += 1;
    return found;
  };
  const list = () => {
    const found = [];
    at += 1;
    space();
    if (text[at] === "]") {
      at += 1;
      return found;
    }
    for (;;) {
      found.push(value());
      space();
      if (text[at] === "]") break;
      if (text[at] !== ",") fault("Expecting ',' delimiter", at);
      at += 1;
      space();
    }
    at += 1;
    return found;
  };
  space();
  const document = value();
  space();
  if (at < text.length) fault("Extra data", at);
  return document;
}

/** @param {any} value @returns {value is Map<string, any>} */
function isObject(value) {
  return value instanceof Map;
}

/** @param {any} value @returns {number|null} null where it is no number */
function numberOf(value) {
  return value instanceof Real ? value.value : typeof value === "number" ? value : null;
}

/** @param {number} value as Python writes a float */
function floatText(value) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** A value as Python's str has it; inside a list or an object, as its repr. @param {any} value @param {boolean} [inside] @returns {string} */
function pythonText(value, inside) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value instanceof Real) return floatText(value.value);
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return inside ? quoted(value) : value;
  if (Array.isArray(value)) return "[" + value.map((one) => pythonText(one, true)).join(", ") + "]";
  return "{" + [...value].map(([key, one]) => quoted(key) + ": " + pythonText(one, true)).join(", ") + "}";
}

/** What Python takes for true. @param {any} value */
function holds(value) {
  if (isObject(value)) return value.size > 0;
  if (Array.isArray(value)) return value.length > 0;
  return value instanceof Real ? value.value !== 0 : Boolean(value);
}

// Tasks: which benchmark of the book each is

/** @typedef {{key: string, metrics: Map<string, any>, shots: number|null, version: string|null, ran: number|null}} Entry */

class Unusable extends Error {
  /** @param {string} key @param {string|null} got @param {string} allowed */
  constructor(key, got, allowed) {
    super(key + ": " + (got === null ? "" : "got " + quoted(got) + "; ") + allowed);
    this.key = key;
    this.got = got;
    this.allowed = allowed;
  }
}

/** @param {string} name @returns {string|null} subject of MMLU that a task is */
function mmluSubject(name) {
  const bare = name.replace(/^hendrycksTest-/, "").replace(/^mmlu:/, "").replace(/^mmlu_/, "");
  return bare !== name && DATA.results.subjects.includes(bare) ? bare : null;
}

/** @param {Entry} entry @param {string[]} metrics @returns {number} percent */
function metricOf(entry, metrics) {
  const key = metrics.find((one) => entry.metrics.has(one));
  if (key === undefined) {
    const names = [...entry.metrics.keys()];
    const have = names.filter((one) => one.trim() && !one.includes("stderr") && one !== "alias").sort().join(", ");
    const wanted = names.some((one) => one.includes(",")) ? metrics[0] : metrics[0].split(",")[0];
    const needed = "the metric " + quoted(wanted) + " is needed; run the task with its own metrics";
    throw new Unusable(entry.key, have || null, have ? needed : "the file holds no metric of it; " + needed);
  }
  const value = numberOf(entry.metrics.get(key));
  if (value === null || !(value >= 0 && value <= 1)) {
    throw new BrokenFile("results." + entry.key + "." + key, pythonText(entry.metrics.get(key)).slice(0, 40),
      "expected a number from 0 to 1; run it again, or take the file out");
  }
  return Number(fixed(100 * value, 6));
}

/** @param {string} column @param {Entry[]} entries @returns {Entry} */
function oneEntry(column, entries) {
  if (entries.length === 1) return entries[0];
  const usual = entries.filter((entry) => entry.shots === usualShots(column));
  if (usual.length === 1) return usual[0];
  throw new Unusable(entries[0].key, null, "measured " + entries.length + " times, with " +
    entries.map((entry) => pythonText(entry.shots)).join(", ") + " examples in the prompt; keep one");
}

/** Every benchmark of the book among the tasks of one file. @param {Map<string, Entry[]>} tasks
 * @returns {{scores: Map<string, Score>, leftOut: Map<string, string>}} */
function findScores(tasks) {
  const found = { scores: new Map(), leftOut: new Map() };
  const faults = /** @type {Unusable[]} */ ([]);
  const used = new Set();
  const unusable = (/** @type {string} */ column, /** @type {any} */ error, /** @type {boolean} */ again) => {
    if (!(error instanceof Unusable)) throw error;
    if (!again && found.leftOut.has(column)) return;
    found.leftOut.set(column, error.message);
    faults.push(error);
  };
  DATA.results.tasks.forEach((task) => {
    const name = task.names.find((one) => tasks.has(one));
    if (name === undefined || found.scores.has(task.column)) return;
    used.add(name);
    try {
      const entries = tasks.get(name);
      const entry = oneEntry(task.column, entries);
      entries.filter((other) => other !== entry).forEach((other) => found.leftOut.set(other.key, "measured with " +
        pythonText(other.shots) + " examples in the prompt too; that of the open panel was taken"));
      found.scores.set(task.column, { percent: metricOf(entry, task.metrics), items: entry.ran, shots: entry.shots,
        version: entry.version === null ? null : name + " " + entry.version, formulation: null });
      found.leftOut.delete(task.column);
    } catch (error) {
      unusable(task.column, error, true);
    }
  });
  const names = [...tasks.keys()];
  const isGroup = (/** @type {string} */ name) => Object.prototype.hasOwnProperty.call(DATA.results.groups, name);
  const parts = names.filter((name) => mmluSubject(name) !== null || isGroup(name));
  parts.forEach((name) => used.add(name));
  if (!found.scores.has("mmlu") && parts.length) {
    try {
      found.scores.set("mmlu", wholeMmlu(tasks));
      found.leftOut.delete("mmlu");
    } catch (error) {
      unusable("mmlu", error, false);
    }
  }
  const others = names.filter((name) => !used.has(name)).sort();
  if (!found.scores.size) {
    if (faults.length) throw new BrokenFile("results." + faults[0].key, faults[0].got, faults[0].allowed);
    const known = new Set(DATA.results.tasks.flatMap((task) => task.names));
    throw new BrokenFile("results", others.join(", ").slice(0, 80), "no known task; known are " + [...known].join(", "), true);
  }
  others.forEach((name) => { if (!found.leftOut.has(name)) found.leftOut.set(name, DATA.results.no_benchmark); });
  return found;
}

/** The score of MMLU from its parts. @param {Map<string, Entry[]>} tasks @returns {Score} */
function wholeMmlu(tasks) {
  const bySubject = new Map([...tasks.keys()].filter((name) => mmluSubject(name) !== null).map((name) => [mmluSubject(name), name]));
  const groups = Object.keys(DATA.results.groups);
  const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
  let names = groups;
  let weights = groups.map((name) => DATA.results.groups[name]);
  if (bySubject.size === DATA.results.subjects.length) { // the first leaderboard took the plain mean over subjects
    names = [...bySubject.values()].sort();
    weights = names.map(() => 1);
  } else if (!groups.every((name) => tasks.has(name))) {
    const missing = DATA.results.subjects.filter((name) => !bySubject.has(name));
    throw new Unusable("mmlu", null, bySubject.size + " of its " + DATA.results.subjects.length + " subjects are there; missing are " +
      missing.slice(0, 5).join(", ") + (missing.length > 5 ? " and " + (missing.length - 5) + " more" : ""));
  }
  const entries = names.map((name) => oneEntry("mmlu", tasks.get(name)));
  const percent = sum(entries.map((entry, i) => metricOf(entry, DATA.results.accuracy) * weights[i])) / sum(weights);
  return {
    percent: Number(fixed(percent, 6)),
    items: entries.every((entry) => entry.ran !== null) ? sum(entries.map((entry) => Number(entry.ran))) : null,
    shots: entries[0].shots,
    version: entries.some((entry) => entry.version !== null)
      ? (names[0].startsWith("hendrycksTest-") ? "hendrycksTest" : "mmlu") + " " + pythonText(entries[0].version) : null,
    formulation: null,
  };
}

// One file

/** @param {any} document @param {string} key @returns {Map<string, any>} */
function partOf(document, key) {
  const part = isObject(document) ? document.get(key) : null;
  return isObject(part) ? part : new Map();
}

/** Task and number of examples from a key such as harness|arc:challenge|25. @param {string} key @returns {[string, string|null]} */
function plainTask(key) {
  const parts = key.split("|");
  if (parts.length === 1) return [key, null];
  const numbers = parts.filter((part) => /^\d+$/.test(part));
  const words = parts.filter((part) => !/^\d+$/.test(part));
  const name = words.length ? words[words.length - 1] : key;
  return [name.startsWith("mmlu:") ? name : name.replace(/:/g, "_"), numbers.length ? numbers[0] : null];
}

/** @param {Map<string, any>} document @param {Map<string, any>} results @param {Map<string, any>} config */
function taskEntries(document, results, config) {
  const [shots, versions, samples, configs, lighteval] = ["n-shot", "versions", "n-samples", "configs", "config_tasks"]
    .map((key) => partOf(document, key));
  /** @type {Map<string, Entry[]>} */
  const tasks = new Map();
  results.forEach((metrics, key) => {
    if (!isObject(metrics)) {
      throw new BrokenFile("results." + key, pythonText(metrics).slice(0, 40),
        "an object of metrics is needed, such as {'acc,none': 0.5}");
    }
    if (key === "all") return; // lighteval's mean over its tasks
    const [name, inKey] = plainTask(key);
    const own = [partOf(configs, key), partOf(lighteval, key.slice(0, Math.max(0, key.lastIndexOf("|")))), partOf(lighteval, key)]
      .find((part) => part.size) || new Map();
    const given = [inKey, shots.get(key), own.get("num_fewshot"), config.get("num_fewshot")].map((value) => pythonText(value))
      .find((words) => /^\d+$/.test(words));
    const ran = [partOf(samples, key).get("effective"), own.get("effective_num_docs"), metrics.get("sample_len")]
      .find((value) => typeof value === "number" && value > 0);
    const version = versions.get(key);
    const known = version !== null && version !== undefined && !["N/A", "Yaml"].includes(pythonText(version));
    const number = numberOf(typeof version === "boolean" ? Number(version) : version);
    tasks.set(name, [...(tasks.get(name) || []), { key: key, metrics: metrics, shots: given === undefined ? null : Number(given),
      version: !known ? null : number === null ? pythonText(version) : Number.isFinite(number) ? general(number) : floatText(number), ran: ran === undefined ? null : ran }]);
  });
  return tasks;
}

/** model_args of a harness, whether it wrote text or an object. @param {Map<string, any>} config @returns {Map<string, string>} */
function argumentsOf(config) {
  const given = config.get("model_args");
  if (typeof given === "string") {
    return new Map(given.split(",").filter((part) => part.includes("=")).map((part) => {
      const bare = part.trim();
      return [bare.slice(0, bare.indexOf("=")), bare.slice(bare.indexOf("=") + 1)];
    }));
  }
  return new Map(isObject(given) ? [...given].map(([key, value]) => [key, pythonText(value)]) : []);
}

/** @param {string|undefined} value */
function isGiven(value) {
  return value !== undefined && !["", "none", "false", "null"].includes(value.trim().toLowerCase());
}

const QUANTISED = new RegExp(DATA.results.quantised, "i");

/** Adapter, quantisation and number format that arguments and a model's name tell. @param {Map<string, string>} given
 * @param {string} model @returns {Object<string, string>} */
function conditionsOfArguments(given, model) {
  const found = /** @type {Object<string, string>} */ ({});
  if (given.size) {
    const adapter = ["peft", "delta", "adapter", "lora_local_path"].find((key) => isGiven(given.get(key)));
    found.adapter = adapter === undefined ? "none" : adapter + "=" + given.get(adapter);
  }
  const bare = withoutAccount(model);
  const packed = QUANTISED.exec(bare);
  const bits = ["4", "8"].find((one) => isGiven(given.get("load_in_" + one + "bit")));
  const key = ["quantization", "gptq", "autogptq", "gptqmodel"].find((one) => isGiven(given.get(one)));
  const named = key && String(given.get(key)).toLowerCase();
  if (bits) found.quantisation = bits + "-bit";
  else if (named) found.quantisation = named === "true" ? "gptq" : named;
  else if (packed) found.quantisation = packed[1].toLowerCase();
  else if (given.size) found.quantisation = "none";
  if ((found.quantisation || "none") === "none") {
    const dtypes = DATA.results.dtypes;
    const known = (/** @type {string} */ word) => Object.prototype.hasOwnProperty.call(dtypes, word);
    const dtype = (given.get("dtype") || "").replace(/^torch\./, "").toLowerCase();
    const word = bare.toLowerCase().split(/[-_.]/).find(known);
    if (known(dtype) || word) found.dtype = dtypes[known(dtype) ? dtype : word];
  }
  return found;
}

/** The model as the file names it, and the key that did. @param {Map<string, any>} document @param {Map<string, any>} config
 * @param {Map<string, any>} wide @param {Map<string, string>} given @returns {[string|null, string]} */
function namedIn(document, config, wide, given) {
  const stated = [["model_name", document.get("model_name")], ["config_general.model_name", wide.get("model_name")],
    ...DATA.results.naming.map((key) => ["config.model_args, " + key + "=", given.get(key)]),
    ["config_general.model_config.model_name", partOf(wide, "model_config").get("model_name")]];
  const backend = config.get("model");
  if (typeof backend === "string" && !DATA.results.backends.includes(backend)) stated.push(["config.model", backend]);
  stated.push(["model_name_sanitized", document.get("model_name_sanitized")]);
  const said = stated.find(([, value]) => value !== undefined && value !== null && value !== "");
  if (!said) return [null, ""];
  if (typeof said[1] !== "string" || !said[1].trim()) {
    throw new BrokenFile(said[0], pythonText(said[1]).slice(0, 40), "a model name is needed, here or as pretrained=... in config.model_args");
  }
  const revision = given.has("revision") ? given.get("revision") : "main";
  return [said[1].trim() + (["main", "None", ""].includes(revision) ? "" : "@" + revision), said[0]];
}

/** Seconds of the time stamp that the harness writes into a file's name. @param {string} name @returns {number|null} */
function stampOf(name) {
  const stamp = /(\d{4})-(\d\d)-(\d\d)T(\d\d)[-:](\d\d)[-:](\d\d)/.exec(name.slice(name.lastIndexOf("/") + 1));
  if (!stamp) return null;
  const [year, month, day, hour, minute, second] = stamp.slice(1).map(Number);
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60 && year > 0;
  return same ? date.getTime() / 1000 : null;
}

/** Results of lm-evaluation-harness or lighteval. @param {Map<string, any>} document @param {string} name @returns {Run} */
function readHarness(document, name) {
  const results = document.get("results");
  if (!isObject(results) || !results.size) {
    throw new BrokenFile("results", results === null ? null : pythonText(results).slice(0, 40),
      "an object with one entry for each task is needed");
  }
  const [config, wide] = [partOf(document, "config"), partOf(document, "config_general")];
  const given = argumentsOf(config);
  const [named, namedBy] = namedIn(document, config, wide, given);
  const found = findScores(taskEntries(document, results, config));
  const limit = [["config.limit", config.get("limit")], ["config.max_samples", config.get("max_samples")],
    ["config_general.max_samples", wide.get("max_samples")]]
    .find(([, value]) => value !== undefined && !["None", "", "null", null].includes(value));
  if (limit) {
    const value = typeof limit[1] === "string" ? limit[1].trim().replace(/^\+/, "") : limit[1];
    const many = typeof value === "boolean" ? Number(value) : typeof value === "string" ? Number(value || NaN) : numberOf(value);
    if (!(many !== null && many > 0)) {
      throw new BrokenFile(limit[0], pythonText(limit[1]),
        "a limit is a number above 0; what ran is not known, so run it without one");
    }
    if ([...found.scores.values()].some((score) => score.items === null)) {
      throw new BrokenFile(limit[0], pythonText(limit[1]), "the run was cut short, and the file does not say how many items ran, which " +
        "is its noise; run it without a limit");
    }
  }
  if (named === null) {
    throw new BrokenFile("model_name", null, "a model name is needed, here or as pretrained=... in config.model_args");
  }
  const conditions = conditionsOfArguments(given, named);
  if (document.has("chat_template") || document.has("chat_template_sha")) {
    conditions.chat_template = holds(document.get("chat_template")) || holds(document.get("chat_template_sha")) ? "applied" : "none";
  }
  if (document.has("system_instruction")) {
    const text = document.get("system_instruction");
    conditions.system_prompt = holds(text) ? pythonText(text).slice(0, 60) : "none";
  }
  const dtype = (holds(wide.get("model_dtype")) ? pythonText(wide.get("model_dtype")) : "").replace(/^torch\./, "");
  if (["float16", "bfloat16", "float32"].includes(dtype)) conditions.dtype = dtype;
  else if (["4bit", "8bit", "GPTQ"].includes(dtype)) conditions.quantisation = dtype;
  conditions.harness = wide.size && !document.has("config") ? "lighteval" : "lm-evaluation-harness";
  const date = numberOf(document.get("date"));
  const count = numberOf(config.get("model_num_parameters"));
  return { file: name, named: named, namedBy: namedBy, scores: found.scores, conditions: conditions,
    when: date && Number.isFinite(date) ? date : null, stamped: stampOf(name),
    count: count !== null && count > 0 && Number.isFinite(count) ? count : null, leftOut: found.leftOut };
}

const BENCHMARK_TASKS = new Set(DATA.results.tasks.flatMap((task) => task.names));

/** Which format a document is of, empty where it is none that is known. @param {any} document @param {string} name of its file
 * @returns {string} */
function formatOf(document, name) {
  const has = (/** @type {any} */ one, /** @type {string} */ key) => isObject(one) && one.has(key);
  if (has(document, "eval") && has(document.get("eval"), "task") && has(document.get("eval"), "model")) return "inspect";
  const tasks = isObject(document) ? (document.has("tasks") ? document.get("tasks") : document.get("metrics")) : null;
  if (has(document, "all_primary_scores") || (has(document, "model_config") && Array.isArray(tasks)
    && tasks.every((task) => has(task, "task_config")))) return "olmes";
  if (has(document, "model_info") && has(document, "evaluation_results")) return "every";
  if (name === "run_spec.json" ? has(document, "adapter_spec")
    : Array.isArray(document) && document.length && document.every((one) => isObject(one) && isObject(one.get("name")))) return "helm";
  if (has(document, "results") && (isObject(document.get("results")) || name.startsWith("results"))) return "harness";
  const whole = isObject(document) && document.size && [...document.values()].every(isObject);
  return whole && [...document.keys()].some((key) => BENCHMARK_TASKS.has(key) || key.includes("|")) ? "mlx" : "";
}

/** What a document is that is read neither here nor by the package, empty if it is nothing known. @param {any} document */
function unreadJson(document) {
  const has = (/** @type {string[]} */ ...keys) => isObject(document) && keys.every((key) => document.has(key));
  if (Array.isArray(document) && isObject(document[0]) && document[0].has("doc_id")) {
    return "these are samples of lm-evaluation-harness, without a score or a model's name; give the results beside them";
  }
  if (has("dataset_name") && (has("metrics") || has("model_name", "score"))) {
    return "this looks like an EvalScope report; " + DATA.results.to_csv;
  }
  if (has("task", "model", "scores")) {
    return "this looks like a result of BIG-bench, whose tasks are none of the book's benchmarks; " + DATA.results.to_csv;
  }
  if (["architectures", "global_step", "log_history"].some((key) => has(key))) {
    return "this is a file of the model or its training, not of an evaluation";
  }
  return "";
}

/** @param {string} format */
function readElsewhere(format) {
  return "this is a file of " + DATA.results.formats[format] + ", which cape diagnose reads and this page does not";
}

// Which model a name means

const CACHED = new RegExp(DATA.results.cached);
const CHECKPOINT = new RegExp("^(?:" + DATA.results.checkpoint + ")$", "i");
const BARE_SIZE = new RegExp("^(?:" + DATA.results.bare_size + ")$", "i");
const PRECISION = new RegExp(DATA.results.precision, "gi");

/** Name and revision of the model that an identifier or a path means. @param {string} named @returns {[string, string|null]} */
function namedModel(named) {
  const text = named.trim().replace(/\\/g, "/").replace(/\/+$/, "");
  const cached = CACHED.exec(text);
  if (cached) return [cached[1] + "/" + cached[2], cached[3]];
  const sign = text.indexOf("@");
  const path = sign < 0 ? text : text.slice(0, sign);
  let revision = sign < 0 ? "" : text.slice(sign + 1);
  const parts = path.replace(/__/g, "/").split("/").filter((part) => !["", ".", "..", "~"].includes(part));
  let isPath = /^[/~.]/.test(text);
  while (parts.length > 1) {
    const last = parts[parts.length - 1];
    if (CHECKPOINT.test(last) || (isPinned(last) && /[0-9]/.test(last))) {
      revision = revision || last;
      isPath = true;
    } else if (!DATA.results.common.includes(last.toLowerCase())) break;
    parts.pop();
  }
  if (!parts.length) return [text, null];
  let last = parts[parts.length - 1];
  DATA.results.suffixes.weights.forEach((end) => { if (last.endsWith(end)) last = last.slice(0, -end.length); });
  // A folder called 7B tells the size; whose it is stands above it.
  const account = parts.length > 1 && ((!isPath && parts.length === 2) || BARE_SIZE.test(last)) ? parts[parts.length - 2] : "";
  return [account ? account + "/" + last : last, revision || null];
}

/** @param {string} model @returns {[string, string]} account and the rest */
function accountOf(model) {
  const place = model.lastIndexOf("/");
  return [model.slice(0, Math.max(0, place)), model.slice(place + 1)];
}

/** @param {string} model */
function namesAFamily(model) {
  const [account, tail] = accountOf(model);
  if (BARE_SIZE.test(tail)) return Boolean(account);
  return !(CHECKPOINT.test(tail) || isPinned(tail) || DATA.results.common.includes(tail.toLowerCase()));
}

/** @param {string} model @returns {string} */
function familyOf(model) {
  const [account, bare] = accountOf(model);
  if (account && BARE_SIZE.test(bare)) return account;
  let tail = withoutAccount(model).replace(PRECISION, "");
  const once = (/** @type {string} */ pattern) => new RegExp(pattern, "i");
  const [splitSize, underscore, active, plain, glued] = ["split", "underscore", "active", "size", "glued"].map((key) => once(DATA.names[key]));
  for (const pattern of [splitSize, underscore, active, plain, glued]) {
    if (pattern === glued && [splitSize, underscore, plain].some((one) => one.test(tail))) continue;
    const cut = tail.replace(pattern, "");
    const counted = cut !== tail;
    tail = cut;
    if (counted && pattern !== active) break;
  }
  const shared = tail.replace(new RegExp(DATA.names.active, "gi"), "").replace(/[-_ ]{2,}/g, "-").replace(/^[-_ .]+|[-_ .]+$/g, "");
  return shared || withoutAccount(model);
}

// Runs put together

/** @typedef {{model: string, runs: Run[], conditions: Object<string, string>}} Measured */

/** @param {Object<string, string>} known @param {Object<string, string>} more whether nothing in it contradicts what is known */
function agrees(known, more) {
  return Object.keys(more).every((key) => known[key] === undefined || known[key] === more[key]);
}

/** @param {Run[]} runs @returns {Measured[]} */
function byModel(runs) {
  const step = (/** @type {Object<string, string>} */ conditions) => (isPinned(conditions.revision) || conditions.revision === undefined
    ? null : conditions.revision);
  const groups = new Map();
  const size = (/** @type {Run} */ run) => Object.keys(run.conditions).length;
  // Those of which most is known come first, so that what is less known joins them and does not bridge two.
  [...runs].sort((a, b) => size(b) - size(a) || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0)).forEach((run) => {
    const key = run.named.toLowerCase();
    const group = groups.get(key) || [];
    groups.set(key, group);
    // A checkpoint and the finished model are two, though only one of them states its revision.
    let one = group.find((other) => agrees(other.conditions, run.conditions) && step(other.conditions) === step(run.conditions));
    if (!one) {
      one = { model: run.named, runs: [], conditions: {} };
      group.push(one);
    }
    one.runs.push(run);
    Object.assign(one.conditions, run.conditions);
  });
  return [...groups.values()].flat();
}

/** A name for each: that of the model, with what differs where it was measured in several ways. @param {Measured[]} measured */
function namesOf(measured) {
  const taken = new Map();
  const differs = (/** @type {Measured[]} */ twins, /** @type {string} */ key) => {
    const values = twins.map((twin) => twin.conditions[key]);
    const known = new Set(values.filter((value) => value !== undefined));
    return known.size > 1 || (key === "revision" && values.includes(undefined) && [...known].some((value) => !isPinned(value)));
  };
  const words = { adapter: "adapter", chat_template: "chat template", system_prompt: "system prompt" };
  return measured.map((one) => {
    const twins = measured.filter((other) => other.model.toLowerCase() === one.model.toLowerCase());
    let keys = DATA.schema.conditions.filter((key) => differs(twins, key));
    let name = one.model;
    if (keys.includes("revision") && one.conditions.revision !== undefined) name += "@" + one.conditions.revision;
    if (keys.includes("quantisation")) keys = keys.filter((key) => key !== "dtype"); // packed weights have a number format of their own
    const said = keys.filter((key) => key !== "revision" && one.conditions[key] !== undefined && one.conditions[key] !== "none")
      .map((key) => words[key] || one.conditions[key].replace(/,/g, " "));
    if (said.length) name += " [" + said.join(", ") + "]";
    taken.set(name, (taken.get(name) || 0) + 1);
    return taken.get(name) === 1 ? name : name + " (" + taken.get(name) + ")";
  });
}

/** What must agree between two scores of one benchmark. @param {Score} score @returns {Object<string, string>} */
function settingOf(score) {
  const found = /** @type {Object<string, string>} */ ({});
  if (score.shots !== null) found.shots = String(score.shots);
  if (score.version !== null) found.version = score.version;
  return found;
}

/** @param {Object<string, string>[]} settings whether no two of them give one condition different values */
function allAgree(settings) {
  const known = /** @type {Object<string, string>} */ ({});
  return settings.every((setting) => {
    const fits = agrees(known, setting);
    Object.assign(known, setting);
    return fits;
  });
}

/** The run whose score of each benchmark counts, what is to be said of the others, and what cannot be decided. @param {Measured} one
 * @param {string} name @returns {{chosen: Map<string, Run>, notes: string[], problems: string[]}} */
function chosenRuns(one, name) {
  const chosen = new Map();
  const notes = [];
  const problems = [];
  const newest = new Map();
  const undated = new Map();
  const add = (/** @type {Map<string, string[]>} */ map, /** @type {string} */ key, /** @type {string} */ column) => map.set(key,
    [...(map.get(key) || []), column]);
  const differ = (/** @type {Run[]} */ runs, /** @type {"when"|"stamped"} */ key) => runs.every((run) => run[key] !== null)
    && new Set(runs.map((run) => run[key])).size === runs.length;
  const last = (/** @type {Run[]} */ runs, /** @type {"when"|"stamped"} */ key) => runs.reduce((best, run) => (Number(run[key])
    > Number(best[key]) ? run : best));
  const columns = new Set(one.runs.flatMap((run) => [...run.scores.keys()]));
  columns.forEach((column) => {
    let having = one.runs.filter((run) => run.scores.has(column));
    const setting = (/** @type {Run} */ run) => settingOf(run.scores.get(column));
    if (!allAgree(having.map(setting))) {
      const said = having.map((run) => Object.entries(setting(run)).map(([key, value]) => key + " " + value).join(", "));
      const several = column + " was measured in several ways (" + [...new Set(said)].join(" / ") + ")";
      const usual = having.filter((run) => run.scores.get(column).shots === usualShots(column));
      if (!usual.length || !allAgree(usual.map(setting))) {
        problems.push(problemText(problem(null, null, name, several + "; keep one of the files"), having[0].file));
        return;
      }
      notes.push(name + ": " + several + "; that of the open panel was taken, not " +
        listed(having.filter((run) => !usual.includes(run)).map((run) => run.file)));
      having = usual;
    }
    let best = having[0];
    if (new Set(having.map((run) => run.scores.get(column).percent)).size > 1) {
      if (differ(having, "when")) {
        best = last(having, "when");
        add(newest, "the newest was taken (" + best.file + ")", column);
      } else if (differ(having, "stamped")) {
        best = last(having, "stamped");
        add(newest, "that with the latest time stamp in its name was taken (" + best.file + "), for no date inside tells them apart", column);
      } else {
        add(undated, listed(having.map((run) => run.file)), column);
        return;
      }
    }
    chosen.set(column, best);
  });
  newest.forEach((found, words) => notes.push(name + ": several results of " + found.sort().join(", ") + "; " + words));
  undated.forEach((found, files) => problems.push(problemText(problem(null, null, null, files + " hold different scores of " + name +
    " (" + found.join(", ") + "), and no date inside tells which is newer; keep one"), one.runs[0].file)));
  return { chosen: chosen, notes: notes, problems: problems };
}

/** @typedef {{name: string, find: (model: string) => any, rows: any[]}} SizeTable */

/** A CSV of sizes. @param {string} text @param {string} name @returns {{table?: SizeTable, problems: Problem[]}} */
function readSizes(text, name) {
  const cells = split(text.replace(/^\ufeff/, ""));
  if ("problems" in cells) return { problems: cells.problems };
  const fields = new Map(["model", "params_b", "family"].map((key) => [key, { ...FIELDS.get(key), required: key !== "family" }]));
  const missing = new Set([""]);
  let problems = headerProblems(cells.header, fields, true);
  if (!problems.length && !cells.rows.length) {
    problems = [problem(null, null, null, "there is a header but no row; add one row for each model")];
  }
  if (!problems.length) problems = cellProblems(cells, fields, missing);
  if (problems.length) return { problems: problems };
  const at = (/** @type {string[]} */ row, /** @type {string} */ key) => (cells.header.includes(key) ? row[cells.header.indexOf(key)] : "");
  const rows = cells.rows.map((row, i) => ({ line: cells.lines[i], model: at(row, "model"), params_b: Number(at(row, "params_b")),
    family: at(row, "family") }));
  return { problems: [], table: { name: name, rows: rows, find: (model) => rows.find((row) => row.model.toLowerCase()
    === model.trim().toLowerCase()) || rows.find((row) => shortName(row.model) === shortName(model)) } };
}

/** Size and family of a model: from the reader's table, else the count in the file, else the name. @param {Measured} one
 * @param {SizeTable|undefined} sizes */
function sizeRow(one, sizes) {
  const file = one.runs[0].file;
  const family = namesAFamily(one.model) ? familyOf(one.model) : "";
  const noFamily = "this name, from " + one.runs[0].namedBy + ", tells no family";
  const row = sizes && sizes.find(one.model);
  const made = (/** @type {number|null} */ size, /** @type {string} */ of, /** @type {string} */ words) => ({ model: one.model,
    params_b: size, family: of, problem: words, file: file });
  if (row) return made(row.params_b, row.family || family, row.family || family ? "" : noFamily);
  const run = one.runs.find((each) => each.count !== null);
  const counted = run ? Number(run.count) / 1e9 : null;
  const told = sizeInName(one.model);
  if (told.size === undefined && (counted === null || told.mixture)) return made(null, family, told.reason || "");
  const named = told.size === undefined ? Number(counted) : told.size;
  const size = counted === null ? named : counted;
  if (!sameSize(size, named)) {
    return made(null, family, "config.model_num_parameters says " + general(size, 3) + "B and the name " + general(named) +
      "B (weights in 4 bits count wrongly)");
  }
  return made(size, family, family ? "" : noFamily);
}

/** One table from many runs. @param {Run[]} runs @param {SizeTable|undefined} sizes @param {string[]} before what was said before
 * @returns {Reading} */
function mergeRuns(runs, sizes, before) {
  const identified = runs.map((run) => {
    const [model, revision] = namedModel(run.named);
    return { ...run, named: model, conditions: { ...run.conditions, ...(revision === null ? {} : { revision: revision }) } };
  });
  const measured = byModel(identified);
  const names = namesOf(measured);
  if (sizes) {
    const have = [...new Set(measured.map((one) => one.model))].sort();
    const used = new Set(have.map((model) => sizes.find(model)).filter(Boolean).map((row) => row.model));
    const unused = sizes.rows.filter((row) => !used.has(row.model)).map((row) => problemText(problem(row.line, "model", row.model,
      "no result of this model; there are " + have.join(", ")), sizes.name));
    if (unused.length) return refused(unused);
  }
  const said = [...before];
  const problems = [];
  const sizeRows = measured.map((one) => sizeRow(one, sizes));
  const records = measured.map((one, i) => {
    const { chosen, notes, problems: faults } = chosenRuns(one, names[i]);
    said.push(...notes);
    problems.push(...faults);
    const record = { model: names[i], family: sizeRows[i].family, params_b: sizeRows[i].params_b === null ? "" : floatText(sizeRows[i].params_b) };
    DATA.schema.conditions.forEach((key) => { if (one.conditions[key] !== undefined) record[key] = one.conditions[key]; });
    chosen.forEach((run, column) => {
      const score = run.scores.get(column);
      record[column] = floatText(score.percent);
      DATA.schema.beside.forEach((key) => { if (score[key] !== null) record[column + "_" + key] = String(score[key]); });
    });
    return record;
  });
  if (problems.length) return refused(problems);
  const unknown = [...new Map(sizeRows.map((row) => [row.model, row])).values()].filter((row) => row.problem)
    .map((row) => problemText(problem(null, null, row.model, row.problem), row.file));
  said.push(...mergeNotes(identified, measured, names, sizeRows, sizes));
  const header = [...FIELDS.keys()].filter((name) => records.some((record) => record[name] !== undefined));
  /** @type {Cells} */
  const cells = { header: header, rows: records.map((record) => header.map((name) => (record[name] || "").trim())),
    lines: records.map((_, i) => i + 2) };
  if (unknown.length) return { ...refused(unknown), cells: cells, notes: said };
  const checked = checkCells(cells);
  if (checked.problems.length) return refused(checked.problems.map((one) => problemText(one, "the table")));
  return { models: checked.models, columns: columnsOf(header), problems: [], notes: [...new Set([...said, ...conditionNotes(checked.models)])] };
}

/** @typedef {{models: Model[], columns: string[], problems: string[], notes: string[], cells?: Cells, text?: string, table?: string}}
 *  Reading  Cells are there where a size or a family is not known and all else is; a text where a table was meant. */

/** @param {string[]} problems @returns {Reading} */
function refused(problems) {
  return { models: [], columns: [], problems: problems, notes: [] };
}

/** @param {Run[]} runs @param {Measured[]} measured @param {string[]} names @param {any[]} rows @param {SizeTable|undefined} sizes */
function mergeNotes(runs, measured, names, rows, sizes) {
  const notes = [];
  const byFile = names.filter((_, i) => measured[i].runs[0].namedBy.includes("file"));
  if (byFile.length) notes.push("named after the file, for nothing inside names the model: " + listed(byFile));
  const pinned = names.filter((_, i) => isPinned(measured[i].conditions.revision));
  if (pinned.length) notes.push("measured at a pinned commit, which the name does not show: " + listed(pinned));
  const off = names.filter((_, i) => {
    const named = sizeFromName(measured[i].model);
    const size = rows[i].params_b;
    return !sizes && named !== null && size !== null && !(0.8 < size / named && size / named < 1.25);
  }).map((name) => name + " (" + general(rows[names.indexOf(name)].params_b, 3) + "B)");
  if (off.length) notes.push("sizes as counted, where the name rounds by more than a quarter: " + listed(off));
  const unused = new Set();
  const reasons = new Map();
  runs.forEach((run) => run.leftOut.forEach((why, column) => {
    if (why === DATA.results.no_benchmark) {
      unused.add(column);
      return;
    }
    const key = JSON.stringify([column, why]);
    reasons.set(key, [...(reasons.get(key) || []), run.named]);
  }));
  if (unused.size) notes.push("tasks that are no benchmark of the book were left out: " + listed([...unused].sort()));
  const together = new Map();
  reasons.forEach((models, key) => {
    const [column, why] = JSON.parse(key);
    const both = JSON.stringify([why, listed(models)]);
    together.set(both, [...(together.get(both) || []), column]);
  });
  together.forEach((columns, key) => {
    const [why, models] = JSON.parse(key);
    notes.push(listed(columns) + " left out for " + models + ": " + why);
  });
  return notes;
}

// Files and folders

const LOGS = DATA.results.logs.map((pattern) => new RegExp("^(?:" + pattern + ")$"));

/** @param {string} name @returns {string} the last part of a path */
function baseName(name) {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** @param {string} name @returns {string} with its point, in small letters */
function suffixOf(name) {
  const bare = baseName(name);
  const place = bare.lastIndexOf(".");
  return place > 0 && place < bare.length - 1 ? bare.slice(place).toLowerCase() : "";
}

/** @param {string} name whether it is that of answers to each item */
function isLog(name) {
  return LOGS.some((pattern) => pattern.test(baseName(name)));
}

/** The document of a file. @param {Uint8Array} bytes @returns {any} */
function parsedFile(bytes) {
  if (!bytes.some((b) => !(b === 32 || (b > 8 && b < 14)))) {
    throw new BrokenFile(null, null, "the file is empty; it was cut short, so run the evaluation again");
  }
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new BrokenFile(null, null, "this is not UTF-8 text; a file of results is JSON");
  }
  return parseJson(text);
}

/** Files of results, or a folder that holds one table. @param {Given[]} files in the order in which they are read
 * @param {SizeTable|undefined} sizes @param {string|null} folder what messages call the folder, null for one file
 * @returns {Reading} */
function readFiles(files, sizes, folder) {
  const runs = [];
  const leftOut = new Map();
  const problems = [];
  const samples = new Set();
  let read = 0;
  const key = (/** @type {BrokenFile} */ error, /** @type {string} */ name) => problemText(problem(null, error.key, error.value,
    error.allowed), name).replace(", column ", ", key ");
  files.forEach(({ name, bytes }) => {
    if (isLog(name)) {
      samples.add(name);
      read += 1;
      return;
    }
    const suffix = suffixOf(name);
    if (!DATA.results.suffixes.results.includes(suffix)) {
      leftOut.set(name, DATA.results.no_file);
      return;
    }
    try {
      const document = suffix === ".json" ? parsedFile(bytes) : null;
      const format = suffix === ".json" ? formatOf(document, baseName(name)) : "inspect";
      if (format === "harness") {
        runs.push(readHarness(document, name));
        read += 1;
        return;
      }
      const words = format ? readElsewhere(format) : unreadJson(document);
      if (folder === null || (baseName(name).startsWith("results") && !words)) {
        throw words ? new BrokenFile(null, null, words)
          : isObject(document) ? new BrokenFile("results", null, "an object with one entry for each task is needed")
            : new BrokenFile(null, pythonKind(document), "a JSON object with the key 'results' is needed");
      }
      leftOut.set(name, words || DATA.results.no_results);
    } catch (error) {
      if (!(error instanceof BrokenFile)) throw error;
      if (!error.sound || folder === null) problems.push(key(error, name));
      if (error.sound) leftOut.set(name, DATA.results.no_benchmark + " (" + error.value + ")");
    }
  });
  if (problems.length) return refused(problems);
  const grouped = (/** @type {[string, string][]} */ left) => {
    const reasons = new Map();
    left.forEach(([name, why]) => reasons.set(why, [...(reasons.get(why) || []), name]));
    return [...reasons].map(([why, names]) => listed(names) + ": " + why).join("; ");
  };
  if (!runs.length) {
    const tables = files.filter(({ name }) => DATA.results.suffixes.tables.includes(suffixOf(name)) && !samples.has(name));
    if (tables.length === 1) {
      const decoded = decode(tables[0].bytes);
      if (decoded.problems) return refused(decoded.problems.map((one) => problemText(one, tables[0].name)));
      return { ...refused([]), text: decoded.text, table: tables[0].name };
    }
    const named = [...leftOut].filter(([, why]) => why !== DATA.results.no_results && why !== DATA.results.no_file);
    const words = tables.length ? "it holds no results but " + tables.length + " tables (" + listed(tables.map(({ name }) => name)) +
      "); give one of them" : named.length ? "no score in it: " + grouped(named)
      : "no file results_*.json in this folder; give the --output_path of lm_eval, or a table of scores";
    return refused([problemText(problem(null, null, null, words), folder || files[0].name)]);
  }
  const notes = leftOut.size ? ["read " + read + " of " + files.length + " files; left out " + grouped([...leftOut])] : [];
  return mergeRuns(runs, sizes, notes);
}

/** @param {any} document @returns {string} its type, as Python calls it */
function pythonKind(document) {
  return Array.isArray(document) ? "list" : typeof document === "string" ? "str" : typeof document === "boolean" ? "bool"
    : document instanceof Real ? "float" : document === null ? "NoneType" : "int";
}

/** A folder, with all its subfolders. @param {Given[]} files named from inside it @param {string} folder @returns {Reading} */
function readFolder(files, folder) {
  const kept = files.filter(({ name }) => name.split("/").every((part) => !part.startsWith(".") && !DATA.results.skipped.includes(part)));
  // Files of a folder before its subfolders, each by name
  const before = (/** @type {string[]} */ a, /** @type {string[]} */ b) => {
    for (let i = 0; ; i += 1) {
      const [lastA, lastB] = [i === a.length - 1, i === b.length - 1];
      if (lastA !== lastB) return lastA ? -1 : 1;
      if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      if (lastA) return 0;
    }
  };
  return readFiles(kept.sort((a, b) => before(a.name.split("/"), b.name.split("/"))), undefined, folder);
}

/** Files that came without a folder: one table of scores, or results with, if needed, a table of sizes. @param {Given[]} given
 * @returns {Reading} */
function readGiven(given) {
  const logs = given.filter(({ name }) => isLog(name)).map(({ name }) => name);
  const files = given.filter(({ name }) => !isLog(name));
  const tables = files.filter(({ name }) => DATA.results.suffixes.tables.includes(suffixOf(name)));
  const results = files.filter(({ name }) => DATA.results.suffixes.results.includes(suffixOf(name)));
  if (tables.length + results.length < files.length || !files.length || tables.length > 1) {
    return refused(["got these files: " + (files.map(({ name }) => name).join(", ") || "none") + "; expected one table of scores (.csv), " +
      "or files of results (.json) with, if needed, one .csv of sizes; choose these alone"]);
  }
  const table = tables.length ? decode(tables[0].bytes) : null;
  if (table && table.problems) return refused(table.problems.map((one) => problemText(one, tables[0].name)));
  if (table && !results.length) return { ...refused([]), text: table.text, table: tables[0].name };
  const sizes = table ? readSizes(table.text || "", tables[0].name) : null;
  if (sizes && sizes.problems.length) return refused(sizes.problems.map((one) => problemText(one, tables[0].name)));
  const reading = readFiles(results, sizes ? sizes.table : undefined, results.length === 1 ? null : "the files chosen");
  if (logs.length) {
    reading.notes.push("answers to each item are not used here (" + listed(logs) + "); cape diagnose uses those of a folder of results");
  }
  return reading;
}
