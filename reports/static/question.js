(() => {
  const PAGE = 100;
  const page = JSON.parse(control("data").textContent);
  const [rows, answers, position, previous, next, search] = ["rows", "answers", "position", "previous", "next", "search"].map(control);
  const selects = Object.fromEntries(["benchmark", "metric", "sort", "who"].map((name) => [name, control(name)]));
  const SORTS = ["hardest", "easiest", "order"];
  const WHO = ["", "right", "wrong"];
  const load = opener({ root: "", layout: page.groups.map(({ layout }) => layout) }, 400);
  let [group, folder, questions, metrics, instructions] = [null, "", null, [], []];
  let [state, order, turn] = [{}, [], 0];

  function read() {
    const values = addressed();
    const metric = metrics.findIndex(({ name }) => name === (values.metric ?? "ast.exact"));
    state = {
      item: values.item ?? null,
      metric: Math.max(0, metric),
      sort: Math.max(0, SORTS.indexOf(values.sort)),
      who: Math.max(0, WHO.indexOf(values.who)),
      text: values.text ?? "",
      start: Math.max(0, (Number.parseInt(values.page, 10) || 1) - 1) * PAGE,
    };
  }

  function hashOf(changes = {}) {
    const { item, metric, sort, who, text, start } = { ...state, ...changes };
    return {
      benchmark: page.groups.length > 1 ? group.key : "",
      item: item ?? "",
      metric: metrics.length > 1 ? metrics[metric].name : "",
      sort: sort ? SORTS[sort] : "",
      who: item === null ? "" : WHO[who],
      text,
      page: start && item === null ? String(start / PAGE + 1) : "",
    };
  }

  const shareOf = (number) => {
    const metric = metrics[state.metric];
    const answered = metric?.answered.at(number) ?? 0;
    return answered ? metric.right.at(number) / answered : -1;
  };

  // Questions that no run has the metric of stay last.
  function arrange() {
    const words = state.text.trim().toLowerCase();
    order = questions.ids.map((_, number) => number).filter((number) => !words
      || `${questions.ids[number]}\n${instructions[number]}\n${questions.domain.at(number)}\n${questions.api.at(number)}`.toLowerCase().includes(words));
    if (SORTS[state.sort] === "order") return;
    const sign = SORTS[state.sort] === "hardest" ? 1 : -1;
    const shares = new Map(order.map((number) => [number, shareOf(number)]));
    order.sort((a, b) => (shares.get(a) < 0) - (shares.get(b) < 0) || sign * (shares.get(a) - shares.get(b)) || a - b);
  }

  function linkTo(number, ...content) {
    const link = make("a", "", ...content);
    link.href = `#${new URLSearchParams(Object.entries(hashOf({ item: questions.ids[number] })).filter(([, value]) => value))}`;
    return link;
  }

  function row(number) {
    const metric = metrics[state.metric];
    const head = make("th", "", linkTo(number, shown(questions.ids[number] || "(empty)")));
    head.scope = "row";
    const right = metric ? `${metric.right.at(number)} of ${metric.answered.at(number)}` : "\u2013";
    const wins = make("td", "num", right);
    wins.dataset.label = "runs right";
    return make("tr", "", head, make("td", "", shown(instructions[number])), make("td", "detail", shown(questions.domain.at(number) ?? "")), wins);
  }

  function showList() {
    if (state.start >= order.length) state.start = 0;
    const part = order.slice(state.start, state.start + PAGE);
    rows.replaceChildren(...part.map(row));
    position.textContent = part.length ? `${state.start + 1}\u2013${state.start + part.length} of ${order.length}` : "No question matches.";
    previous.setAttribute("aria-disabled", state.start === 0);
    next.setAttribute("aria-disabled", state.start + PAGE >= order.length);
    document.title = "Questions, apigauge";
    say(`${order.length} of ${questions.ids.length} questions`);
  }

  // Whether an answer is right in the metric; null where it does not have it.
  function isRight(answer) {
    const metric = metrics[state.metric];
    if (!metric || !Object.hasOwn(answer.scores, metric.name)) return null;
    return answer.scores[metric.name] === (metric.lower ? 0 : 1);
  }

  function entry(run, answer, reference) {
    const right = isRight(answer);
    const metric = metrics[state.metric]?.name ?? "";
    const label = Object.hasOwn(answer.labels, metric) ? answer.labels[metric] : right ? "right" : "wrong";
    const verdict = answer.verdict ? [answer.verdict.status, answer.verdict.category].filter(Boolean).join("/") : "not executed";
    const chips = [
      right === null ? make("span", "chip", `no ${metric}`) : make("span", `chip ${right ? "yes" : "no"}`, right ? "\u2713 " : "\u2717 ", shown(label)),
      make("span", "chip", shown(verdict)),
      answer.unfinished ? make("span", "chip no", "unfinished") : null,
    ];
    const name = answer.sample ? `${run.title} \u00b7 ${answer.sample}` : run.title;
    const summary = make("summary", "", make("span", "item-id", make("bdi", "", shown(name))),
      make("span", "item-question", make("code", "", answer.call ? shown(answer.call) : "no call")), make("span", "item-domain"), make("span", "chips", ...chips));
    const details = make("details", "item", summary);
    details.addEventListener("toggle", () => {
      if (!details.open || details.childElementCount > 1) return;
      const link = make("a", "", "This answer on the run's page");
      link.href = `runs/${run.file}.html#${new URLSearchParams({ item: state.item, ...(answer.sample ? { sample: answer.sample } : {}) })}`;
      details.append(make("div", "item-body", make("p", "", link), ...answerBody(answer, reference.call, reference.program)));
      reachable(details);
    });
    return details;
  }

  async function showItem(mine) {
    const number = questions.ids.indexOf(state.item);
    if (number < 0) {
      say("There is no such question here.");
      answers.replaceChildren();
      return;
    }
    const [line, at] = [Math.floor(number / questions.lines), Math.floor(number / questions.texts)];
    const [lines, programs, ...texts] = await Promise.all([`${folder}/lines-${line}`, `${folder}/texts-${at}`,
      ...group.runs.map(({ file }) => `runs/${file}/texts-${at}`)].map(load));
    if (mine !== turn) return;
    const reference = { call: lines.referenceCall[number - line * questions.lines], program: programs.referenceProgram[number - at * questions.texts] };
    control("item-head").replaceChildren("Question ", shown(state.item));
    control("item-text").replaceChildren(shown(instructions[number]));
    control("item-domain").replaceChildren(shown([questions.domain.at(number), questions.api.at(number)].filter(Boolean).join(" \u00b7 ")));
    control("item-call").replaceChildren(shown(reference.call || "The data has none."));
    document.title = `Question ${plainly(state.item)}, apigauge`;
    const all = group.runs.flatMap((run, place) => texts[place].answers.filter(({ question }) => question === number).map((answer) => [run, answer]));
    const wanted = { "": () => true, right: (right) => right === true, wrong: (right) => right === false }[WHO[state.who]];
    const matching = all.filter(([, answer]) => wanted(isRight(answer)));
    answers.replaceChildren(...matching.map(([run, answer]) => entry(run, answer, reference)));
    const count = (right) => all.filter(([, answer]) => isRight(answer) === right).length;
    control("who").replaceChildren(new Option(`all answers (${all.length})`, 0), new Option(`right (${count(true)})`, 1), new Option(`wrong (${count(false)})`, 2));
    selects.who.value = String(state.who);
    say(`${matching.length} of ${all.length} answers`);
    const place = order.indexOf(number);
    steps(place);
  }

  function steps(place) {
    for (const [id, step] of [["before", -1], ["after", 1]]) {
      const number = place < 0 ? undefined : order[place + step];
      control(id).setAttribute("aria-disabled", number === undefined);
      control(id).dataset.item = number ?? "";
    }
    control("place").textContent = place < 0 ? "" : `${place + 1} of ${order.length}`;
  }

  async function refresh(isNew) {
    if (!questions) return;
    turn += 1;
    const mine = turn;
    address(hashOf(), isNew);
    for (const name of ["metric", "sort"]) selects[name].value = String(state[name]);
    if (search.value !== state.text) search.value = state.text;
    const isItem = state.item !== null;
    control("one").hidden = !isItem;
    control("all").hidden = isItem;
    try {
      arrange();
      if (isItem) await showItem(mine);
      else showList();
    } catch (error) {
      say(error.message);
    }
  }

  // Reads the address, and first the questions of its benchmark if these are others than before.
  async function enter() {
    turn += 1;
    const mine = turn;
    const wanted = groupIn(page.groups, addressed().benchmark) ?? page.groups[0];
    selects.benchmark.value = String(page.groups.indexOf(wanted));
    try {
      const data = wanted === group ? null : await questionsOf(wanted);
      if (mine !== turn) return;
      if (data) {
        ({ questions, metrics, instructions } = data);
        [group, folder] = [wanted, `benchmarks/${wanted.key}`];
        selects.metric.replaceChildren(...metrics.map(({ name }, at) => new Option(plainly(name), at)));
      }
      read();
      await refresh(false);
    } catch (error) {
      say(error.message);
    }
  }

  async function questionsOf({ key, metrics: infos }) {
    const [asked, right] = await Promise.all(["questions", "right"].map((name) => load(`benchmarks/${key}/${name}`)));
    const parts = Array.from({ length: Math.ceil(asked.ids.length / asked.lines) }, (_, part) => load(`benchmarks/${key}/lines-${part}`));
    return {
      questions: { ...asked, domain: columnOf(asked.domain), api: columnOf(asked.api) },
      metrics: right.metrics.map(({ name, right: wins, answered }) => ({
        name, right: columnOf(wins), answered: columnOf(answered), lower: infos.find((one) => one.name === name)?.lower ?? false,
      })),
      instructions: (await Promise.all(parts)).flatMap(({ instruction }) => instruction),
    };
  }

  selects.benchmark.replaceChildren(...page.groups.map(({ benchmark }, at) => new Option(plainly(benchmark), at)));
  selects.benchmark.parentElement.hidden = page.groups.length < 2;
  selects.benchmark.addEventListener("change", () => {
    address({ benchmark: page.groups[Number(selects.benchmark.value)].key }, true);
    enter();
  });
  for (const name of ["metric", "sort", "who"]) {
    selects[name].addEventListener("change", () => {
      Object.assign(state, { [name]: Number(selects[name].value), start: 0 });
      refresh(true);
    });
  }
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      Object.assign(state, { text: search.value, start: 0 });
      refresh(false);
    }, 120);
  });
  function turnTo(start) {
    if (start < 0 || start >= order.length) return;
    state.start = start;
    refresh(true);
  }
  previous.addEventListener("click", () => turnTo(state.start - PAGE));
  next.addEventListener("click", () => turnTo(state.start + PAGE));
  for (const id of ["before", "after"]) {
    control(id).addEventListener("click", () => {
      if (control(id).dataset.item === "") return;
      state.item = questions.ids[Number(control(id).dataset.item)];
      refresh(true);
    });
  }
  control("list").addEventListener("click", () => {
    state.item = null;
    refresh(true);
    search.focus();
  });
  for (const event of ["popstate", "hashchange"]) {
    window.addEventListener(event, enter);
  }
  control("toolbar").addEventListener("submit", (event) => event.preventDefault());
  enter();
})();
