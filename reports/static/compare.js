(() => {
  const PAGE = 50;
  const page = JSON.parse(control("data").textContent);
  const [numbers, list, position, previous, next] = ["numbers", "items", "position", "previous", "next"].map(control);
  const selects = Object.fromEntries(["benchmark", "a", "b", "metric", "kind"].map((name) => [name, control(name)]));
  const LABELS = ["B \u2212 A", "95 % interval, this pair", "p, this pair", "p, all pairs", "answers", "got worse", "got better", "same", "not in both"];
  const KINDS = ["", "worse", "better", "same", "missing"];
  const load = opener({ root: "", layout: page.groups.map(({ layout }) => layout) }, 60);
  let [group, folder] = [null, ""];
  const placeOf = (file) => group.runs.findIndex((run) => run.file === file);
  let [state, questions, sides, joined, matching, turn] = [null, null, null, [], [], 0];

  function read() {
    const values = addressed();
    enter(groupIn(page.groups, values.benchmark)
      ?? page.groups.find(({ runs }) => runs.some(({ file }) => file === values.a)) ?? page.groups[0]);
    const a = placeOf(values.a);
    const b = placeOf(values.b);
    const metric = group.metrics.findIndex(({ name }) => name === (values.metric ?? "ast.exact"));
    state = {
      a: a < 0 ? 0 : a,
      b: b < 0 ? Number((a < 0 ? 0 : a) === 0) : b,
      metric: Math.max(0, metric),
      kind: Math.max(0, KINDS.indexOf(values.kind)),
      start: Math.max(0, (Number.parseInt(values.page, 10) || 1) - 1) * PAGE,
    };
    const unknown = ["a", "b"].filter((side) => values[side] && placeOf(values[side]) < 0);
    return unknown.length ? "This address names a run that is not here, or on other questions." : "";
  }

  function write(isNew) {
    address({
      benchmark: page.groups.length > 1 ? group.key : "",
      a: group.runs[state.a].file,
      b: group.runs[state.b].file,
      metric: group.metrics[state.metric].name,
      kind: KINDS[state.kind],
      page: state.start ? String(state.start / PAGE + 1) : "",
    }, isNew);
  }

  // The answers of both runs by question and sample, each with its row in either run, or -1.
  function join() {
    const rows = new Map();
    sides.forEach(({ question, sample }, side) => question.forEach((number, row) => {
      const key = `${number} ${sample.at(row)}`;
      if (!rows.has(key)) rows.set(key, { number, sample: sample.at(row), rows: [-1, -1] });
      rows.get(key).rows[side] = row;
    }));
    joined = [...rows.values()].sort((a, b) => a.number - b.number || a.sample - b.sample);
  }

  const valueOf = (side, name, row) => (row < 0 ? null : sides[side].scores.get(name)?.at(row) ?? null);
  const labelOf = (side, name, row) => (row < 0 ? null : sides[side].labels.get(name)?.at(row) ?? null);

  // What became of an answer from A to B in a metric.
  function changeOf({ rows }, { name, lower }) {
    const [before, after] = rows.map((row, side) => valueOf(side, name, row));
    if (before === null || after === null) return "missing";
    return before === after ? "same" : (after > before) === lower ? "worse" : "better";
  }

  function countButton(count, metric, kind) {
    if (!count) return make("td", "num", "0");
    const button = make("button", "link", String(count));
    button.type = "button";
    button.ariaLabel = `${count} ${kind} in ${plainly(group.metrics[metric].name)}: show these answers`;
    button.dataset.count = count;
    button.addEventListener("click", () => {
      Object.assign(state, { metric, kind: KINDS.indexOf(kind), start: 0 });
      refresh(true);
      selects.kind.focus({ preventScroll: true });
      control("answers").scrollIntoView();
    });
    return make("td", "num", button);
  }

  function numberRow(metric, at, pairs) {
    const entry = pairs?.metrics.find(({ name }) => name === metric.name);
    const pair = entry && pairsOf(entry)(...[state.b, state.a].map((place) => pairs.runs.indexOf(group.runs[place].file)));
    const counts = { worse: 0, better: 0, same: 0, missing: 0 };
    for (const one of joined) counts[changeOf(one, metric)] += 1;
    const texts = pair ? [pair.difference, `${pair.low} to ${pair.high}${markOf(pair)}`, pair.p, pair.adjusted, pair.n] : ["\u2013", "\u2013", "\u2013", "\u2013", "\u2013"];
    const title = make("th", "", make("code", "", shown(metric.name)), make("span", "detail", ` ${metric.unit}${metric.lower ? ", lower is better" : ""}`));
    title.scope = "row";
    const cells = texts.map((text, column) => {
      const isFirst = column === 0 && pair;
      return make("td", `num${isFirst ? ` ${pair.verdict}` : ""}`, isFirst ? SIGNS[pair.verdict] : "", text,
        isFirst ? make("span", "hidden", ` ${WORDS[pair.verdict]}${REMARKS[markOf(pair)]}`) : null);
    }).concat(["worse", "better", "same", "missing"].map((kind) => countButton(counts[kind], at, kind)));
    cells.forEach((cell, column) => { cell.dataset.label = LABELS[column]; });
    return make("tr", "", title, ...cells);
  }

  function chip(metric, rows) {
    const [before, after] = rows.map((row, side) => labelOf(side, metric.name, row) ?? valueOf(side, metric.name, row));
    const change = changeOf({ rows }, metric);
    const text = (value) => shown(value === null ? "\u2013" : typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : value);
    const mark = { better: "yes", worse: "no" }[change] ?? "";
    return make("span", `chip ${mark}`, { better: SIGNS.better, worse: SIGNS.worse }[change] ?? "",
      make("span", "chip-name", shown(`${metric.name} `)), text(before), " \u2192 ", text(after));
  }

  async function bodyOf({ number, sample }) {
    const at = Math.floor(number / questions.texts);
    const files = [state.a, state.b].map((place) => `runs/${group.runs[place].file}/texts-${at}`);
    const line = Math.floor(number / questions.lines);
    const [lines, programs, ...texts] = await Promise.all([`${folder}/lines-${line}`, `${folder}/texts-${at}`, ...files].map(load));
    const call = lines.referenceCall[number - line * questions.lines];
    const program = programs.referenceProgram[number - at * questions.texts];
    const halves = texts.map(({ answers }, side) => {
      const answer = answers.find((one) => one.question === number && one.sample === sample);
      const title = make("h4", "", "AB"[side], " ", make("bdi", "", shown(group.runs[side ? state.b : state.a].title)));
      const parts = answer ? answerBody(answer, call, program) : [make("p", "absent", "This run has no such answer.")];
      return make("section", "", title, make("div", "item-body", ...parts));
    });
    const link = make("a", "", "This question in all runs");
    link.href = `question.html#${new URLSearchParams({ benchmark: group.key, item: questions.ids[number] })}`;
    return make("div", "item-body", block("Question", make("p", "question", shown(lines.instruction[number - line * questions.lines]))),
      make("p", "", link), make("div", "pair", ...halves));
  }

  function entry(one, instruction) {
    const id = questions.ids[one.number] + (one.sample ? ` \u00b7 ${one.sample}` : "");
    const summary = make("summary", "", make("span", "item-id", shown(id)), make("span", "item-question", shown(instruction)),
      make("span", "item-domain", shown(questions.domain.at(one.number) ?? "")),
      make("span", "chips", chip(group.metrics[state.metric], one.rows)));
    const details = make("details", "item", summary);
    details.addEventListener("toggle", async () => {
      if (!details.open || details.childElementCount > 1) return;
      try {
        details.append(await bodyOf(one));
      } catch (error) {
        details.append(make("p", "warning", error.message));
      }
      reachable(details);
    });
    return details;
  }

  async function show(mine) {
    const kind = KINDS[state.kind];
    matching = joined.filter((one) => !kind || changeOf(one, group.metrics[state.metric]) === kind);
    if (state.start >= matching.length) state.start = 0;
    const rows = matching.slice(state.start, state.start + PAGE);
    const parts = [...new Set(rows.map(({ number }) => Math.floor(number / questions.lines)))];
    const lines = new Map(await Promise.all(parts.map(async (part) => [part, await load(`${folder}/lines-${part}`)])));
    if (mine !== turn) return;
    list.replaceChildren(...rows.map((one) => {
      const part = Math.floor(one.number / questions.lines);
      return entry(one, lines.get(part).instruction[one.number - part * questions.lines]);
    }));
    position.textContent = rows.length ? `${state.start + 1}\u2013${state.start + rows.length} of ${matching.length}` : "No answer matches.";
    previous.setAttribute("aria-disabled", state.start === 0);
    next.setAttribute("aria-disabled", state.start + PAGE >= matching.length);
  }

  function itemsOf(data) {
    const columns = (pairs) => new Map(pairs.map(([name, column]) => [name, columnOf(column)]));
    return { question: data.question, sample: columnOf(data.sample), scores: columns(data.scores), labels: columns(data.labels) };
  }

  async function refresh(isNew, note = "") {
    turn += 1;
    const mine = turn;
    write(isNew);
    for (const name of ["a", "b", "metric", "kind"]) selects[name].value = String(state[name]);
    const [one, other] = [group.runs[state.a], group.runs[state.b]];
    try {
      const [asked, pairs, ...items] = await Promise.all([load(`${folder}/questions`), group.hasPairs ? load(`${folder}/pairs`) : null,
        ...[one, other].map(({ file }) => load(`runs/${file}/items`))]);
      if (mine !== turn) return;
      questions = { ...asked, domain: columnOf(asked.domain) };
      sides = items.map(itemsOf);
      join();
      control("names").replaceChildren(make("bdi", "", shown(one.title)), " and ", make("bdi", "", shown(other.title)));
      document.title = `${plainly(one.title)} and ${plainly(other.title)}, apigauge`;
      numbers.replaceChildren(...group.metrics.map((metric, at) => numberRow(metric, at, pairs)));
      const isRanked = pairs?.metrics.some(({ order }) => [one, other].every(({ file }) => order.includes(pairs.runs.indexOf(file))));
      say([note, one === other ? "Both are the same run." : isRanked ? "" : "No differences are printed, because one of them has only some of the questions."].filter(Boolean).join(" "));
      await show(mine);
    } catch (error) {
      say(error.message);
    }
  }

  function fill(select, names) {
    select.replaceChildren(...names.map((name, at) => new Option(name, at)));
  }

  function enter(one) {
    selects.benchmark.value = String(page.groups.indexOf(one));
    if (group === one) return;
    [group, folder] = [one, `benchmarks/${one.key}`];
    for (const name of ["a", "b"]) fill(selects[name], group.runs.map(({ title }) => plainly(title)));
    fill(selects.metric, group.metrics.map(({ name }) => plainly(name)));
  }

  fill(selects.benchmark, page.groups.map(({ benchmark }) => plainly(benchmark)));
  selects.benchmark.parentElement.hidden = page.groups.length < 2;
  selects.benchmark.addEventListener("change", () => {
    address({ benchmark: page.groups[Number(selects.benchmark.value)].key }, true);
    refresh(false, read());
  });
  for (const name of ["a", "b", "metric", "kind"]) {
    selects[name].addEventListener("change", () => {
      Object.assign(state, { [name]: Number(selects[name].value), start: 0 });
      refresh(true);
    });
  }
  function turnTo(start) {
    if (start < 0 || start >= matching.length) return;
    state.start = start;
    refresh(true);
  }
  control("swap").addEventListener("click", () => {
    Object.assign(state, { a: state.b, b: state.a, start: 0 });
    refresh(true);
  });
  previous.addEventListener("click", () => turnTo(state.start - PAGE));
  next.addEventListener("click", () => turnTo(state.start + PAGE));
  for (const event of ["popstate", "hashchange"]) {
    window.addEventListener(event, () => refresh(false, read()));
  }
  control("toolbar").addEventListener("submit", (event) => event.preventDefault());
  refresh(false, read());
})();
