(() => {
  const PAGE = 50;
  const FIELDS = ["id", "sample", "instruction", "domain", "referenceCall", "referenceProgram", "text", "call", "program",
    "how", "metrics", "labels", "messages", "verdict", "unfinished", "reasoning"];

  const data = JSON.parse(document.getElementById("data").textContent);
  const items = data.items.map((values) => Object.fromEntries(FIELDS.map((name, index) => [name, values[index]])));
  const lower = new Set(data.lower);
  const sampled = items.some((item) => item.sample > 0);
  const list = document.getElementById("items");
  const search = document.getElementById("search");
  const select = document.getElementById("label");
  const position = document.getElementById("position");
  const previous = document.getElementById("previous");
  const next = document.getElementById("next");
  let found = items;
  let start = 0;

  // Everything a model wrote reaches the page through here: as text nodes, never as markup.
  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  function code(text, absent) {
    return text ? make("pre", "", shown(text)) : make("p", "absent", absent);
  }

  function block(title, ...content) {
    return make("section", "", make("h4", "", title), ...content);
  }

  function metricValue(item, name) {
    return item.metrics[data.metrics.indexOf(name)];
  }

  function chip(item, name, label) {
    const value = metricValue(item, name);
    const good = lower.has(name) ? 0 : 1;
    const mark = value === good ? "yes" : value === 1 - good ? "no" : "";
    const sign = { yes: "✓ ", no: "✗ " }[mark] ?? "";
    return make("span", `chip ${mark}`, sign, make("span", "chip-name", shown(`${name} `)), shown(label));
  }

  function labels(item) {
    return data.labels.map((name, index) => [name, item.labels[index]]).filter((pair) => pair[1] !== null);
  }

  function labelTable(item) {
    const rows = labels(item).map(([name, label]) => make("tr", "",
      make("th", "", shown(name)), make("td", "", shown(label)), make("td", "", shown(item.messages[name] ?? ""))));
    return rows.length ? make("table", "pairs", make("tbody", "", ...rows)) : make("p", "absent", "No labels.");
  }

  function metricTable(item) {
    const pairs = data.metrics.map((name, index) => [name, item.metrics[index]]).filter((pair) => pair[1] !== null);
    const cells = pairs.map(([name, value]) => make("div", "", make("dt", "", shown(name)),
      make("dd", "", typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : value)));
    return cells.length ? make("dl", "scores", ...cells) : make("p", "absent", "No metrics.");
  }

  const UNFINISHED = {
    length: "Its tokens ran out. A larger --max-new-tokens gives it more room.",
    reasoning: "It ends inside the model's reasoning. A larger --max-new-tokens gives it more room.",
  };

  const RUNGS = ["nothing extracted", "parses", "imports resolve", "its call was made and returned", "ran to its end"];

  function worded(value) {
    return typeof value === "string" ? value : JSON.stringify(value, null, 2);
  }

  function evidenceRow([name, value]) {
    const text = worded(value);
    return make("tr", "", make("th", "", shown(name)),
      make("td", "", text.includes("\n") ? make("pre", "", shown(text)) : shown(text)));
  }

  function verdictTable(item) {
    if (!item.verdict) return make("p", "absent", "Not executed.");
    const { status, category, stage, reason, evidence } = item.verdict;
    const rung = RUNGS[stage] === undefined ? worded(stage ?? null) : `${stage} of 4: ${RUNGS[stage]}`;
    const known = [["status", status], ["category", category], ["stage", rung], ["reason", reason]];
    const seen = evidence && typeof evidence === "object" ? Object.entries(evidence) : [["evidence", evidence]];
    const rows = [...known, ...seen].filter(([, value]) => value !== null && value !== undefined && value !== "");
    return make("table", "pairs verdict", make("tbody", "", ...rows.map(evidenceRow)));
  }

  function body(item) {
    return make("div", "item-body",
      block("Question", make("p", "question", shown(item.instruction))),
      make("div", "pair", block("Call extracted", code(item.call, "No call was found.")),
        block("Reference call", code(item.referenceCall, "The data has none."))),
      block("Labels", labelTable(item)),
      block("Metrics", metricTable(item)),
      block("Verdict", verdictTable(item)),
      make("div", "pair", block(shown(`Program extracted (found in: ${item.how})`), code(item.program, "No program was found.")),
        block("Reference program", code(item.referenceProgram, "The data has none."))),
      item.unfinished ? block("Unfinished", make("p", "told", UNFINISHED[item.unfinished] ?? shown(item.unfinished))) : null,
      item.reasoning ? block("Reasoning, sent apart from the answer", code(item.reasoning, "")) : null,
      block("Answer as written", code(item.text, "The answer is empty.")));
  }

  function entry(item) {
    const number = sampled ? `${item.id} · ${item.sample}` : item.id;
    const end = item.unfinished ? make("span", "chip no", "unfinished") : null;
    const chips = make("span", "chips", end, ...labels(item).map(([name, label]) => chip(item, name, label)));
    const summary = make("summary", "", make("span", "item-id", shown(number)),
      make("span", "item-question", shown(item.instruction)), make("span", "item-domain", shown(item.domain)), chips);
    const details = make("details", "item", summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(body(item));
      reachable(details);
    });
    return details;
  }

  function haystack(item) {
    item.haystack ??= [item.id, item.instruction, item.domain, item.text, item.call, item.program, item.referenceCall,
      item.referenceProgram, item.reasoning, item.verdict?.reason].join("\n").toLowerCase();
    return item.haystack;
  }

  function show(from) {
    start = from;
    const end = Math.min(found.length, start + PAGE);
    list.replaceChildren(...found.slice(start, end).map(entry));
    position.textContent = found.length ? `${start + 1}–${end} of ${found.length}` : "No answer matches.";
    previous.setAttribute("aria-disabled", start === 0);
    next.setAttribute("aria-disabled", end >= found.length);
  }

  function apply() {
    const wanted = search.value.trim().toLowerCase();
    const option = select.selectedOptions[0]?.dataset ?? {};
    const [metric, label] = data.options[option.option] ?? [];
    const index = data.labels.indexOf(metric);
    found = items.filter((item) =>
      (metric === undefined || item.labels[index] === label) && (!option.unfinished || item.unfinished) && haystack(item).includes(wanted));
    show(0);
  }

  function pick(number) {
    const option = [...select.options].find((one) => one.dataset.option === number);
    if (!option) return;
    option.selected = true;
    search.value = "";
    apply();
    select.focus({ preventScroll: true });
    document.getElementById("items-head").scrollIntoView();
  }

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  select.addEventListener("change", apply);
  // Not disabled at the ends: that would take the focus away.
  previous.addEventListener("click", () => start > 0 && show(Math.max(0, start - PAGE)));
  next.addEventListener("click", () => start + PAGE < found.length && show(start + PAGE));
  document.getElementById("open-all").addEventListener("click", () => {
    for (const details of list.children) details.open = true;
  });
  for (const button of document.querySelectorAll("button[data-option]")) {
    button.addEventListener("click", () => pick(button.dataset.option));
  }
  document.getElementById("toolbar").addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
