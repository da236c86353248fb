(() => {
  const PAGE = 50;
  const control = (id) => document.getElementById(id);
  const page = JSON.parse(control("data").textContent);
  const data = new RunData(page);
  const filters = new Filters(data, page.facets);
  const lower = new Set(page.lower);
  const [list, toolbar, search, whole, sort, position, previous, next, status, clear] =
    ["items", "toolbar", "search", "whole", "sort", "position", "previous", "next", "status", "clear"].map(control);
  // Controls number what they offer, because names of a run must not stand in attributes as they are.
  const facets = filters.facets.map((facet, at) => Object.assign(facet, { select: control(`facet-${at}`) }));
  const [metric, least, largest] = ["metric", "least", "largest"].map(control);
  let orders = [];
  const read = (hash) => stateIn(hash, page.facets);
  let state = read("");
  let matching = [];
  let start = 0;
  let turn = 0;
  let shownView = null;

  // A new entry for the back button, unless only what was typed or opened last changes.
  function address(isNew) {
    const hash = addressOf(state);
    if (hash === location.hash || (hash === "#" && location.hash === "")) return;
    history[isNew ? "pushState" : "replaceState"](null, "", hash);
  }

  function fillControls() {
    facets.forEach(choose);
    const names = [...data.items.scores.keys()];
    metric.replaceChildren(...names.map((name, at) => new Option(plainly(name), at)));
    metric.value = Math.max(0, names.indexOf(state.score?.name));
    [least.value, largest.value] = [state.score?.low ?? "", state.score?.high ?? ""];
    [search.value, whole.checked] = [state.text, state.whole];
    sort.replaceChildren(...orders.map(([, title], at) => new Option(title, at)));
    sort.value = Math.max(0, orders.findIndex(([order]) => order === state.sort));
  }

  // A value that this run does not have matches nothing, and is not dropped in silence.
  function choose({ name, select, keys }) {
    const value = state.facet[name];
    const place = value === null ? "" : String(keys.indexOf(value));
    if (![...select.options].some((option) => option.value === place)) select.add(new Option(`${plainly(value ?? "all")} (0)`, place));
    select.value = place;
  }

  // How many answers each choice would leave.
  function countChoices() {
    filters.counts(state).forEach((counts, at) => fillOptions(facets[at], counts));
  }

  function fillOptions(facet, counts) {
    const wanted = state.facet[facet.name];
    const all = counts.reduce((sum, one) => sum + one, 0);
    const options = facet.order.filter((place) => counts[place] || facet.keys[place] === wanted)
      .map((place) => new Option(`${facet.titles[place]} (${counts[place]})`, place));
    facet.select.replaceChildren(new Option(`all (${all})`, ""), ...options);
    choose(facet);
  }

  function chip(row, name, label) {
    const good = lower.has(name) ? 0 : 1;
    const value = data.score(row, name);
    const mark = value === good ? "yes" : value === 1 - good ? "no" : "";
    const sign = { yes: "✓ ", no: "✗ " }[mark] ?? "";
    return make("span", `chip ${mark}`, sign, make("span", "chip-name", shown(`${name} `)), shown(label));
  }

  function chips(row) {
    const end = data.items.unfinished.at(row) === null ? null : make("span", "chip no", "unfinished");
    return make("span", "chips", end, ...data.labels(row).map(([name, label]) => chip(row, name, label)));
  }

  function entry(row) {
    const question = make("span", "item-question");
    data.line(data.lineOf(row)).then((of) => question.append(shown(of(row).instruction)), complain);
    const domain = data.questions.domain.at(data.items.question[row]);
    const summary = make("summary", "", make("span", "item-id", shown(data.nameOf(row))), question,
      make("span", "item-domain", shown(domain)), chips(row));
    const details = make("details", "item", summary);
    details.dataset.row = row;
    details.addEventListener("toggle", () => toggled(details, row));
    return details;
  }

  async function toggled(details, row) {
    const isState = rowOfState() === row;
    if (details.open !== isState && !details.matches(".all")) {
      state = { ...state, ...(details.open ? data.placeOf(row) : { item: null }) };
      address(details.open);
    }
    if (details.open) await fill(details, row);
  }

  async function fill(details, row) {
    if (details.childElementCount > 1) return;
    const body = make("div", "item-body", make("p", "absent", "Reading the answer …"));
    details.append(body);
    try {
      const { instruction, reference, referenceProgram, begin, answers } = await data.whole(row);
      body.replaceChildren(steps(row),
        block("Question", make("p", "question", shown(instruction)), origin(data.items.question[row])),
        ...answerBody(answers[row - begin], reference, referenceProgram).filter(Boolean),
        ...samples(row, answers, begin));
      reachable(body);
      body.addEventListener("toggle", () => reachable(body), true);
    } catch (error) {
      body.replaceChildren(make("p", "warning", error.message));
    }
  }

  function origin(number) {
    const names = [["domain", data.questions.domain.at(number)], ["API", data.questions.api.at(number)]].filter(([, name]) => name);
    return make("p", "detail", ...names.flatMap(([what, name], at) => [at ? ", " : "", `${what} `, shown(name)]));
  }

  function samples(row, answers, begin) {
    const others = answers.map((answer, place) => [answer, begin + place]).filter(([answer]) => answer.question === data.items.question[row]);
    if (others.length < 2) return [];
    const rows = others.map(([answer, at]) => make("tr", "", make("th", "", sampleLink(at, at === row)),
      make("td", "", shown(answer.call ?? "no call")), make("td", "", chips(at))));
    return [block(`All ${others.length} answers to this question`, make("table", "pairs samples", make("tbody", "", ...rows)))];
  }

  function sampleLink(row, isHere) {
    const link = make("a", "", `answer ${data.items.sample.at(row)}`);
    link.href = addressOf({ ...state, ...data.placeOf(row) });
    if (isHere) link.setAttribute("aria-current", "true");
    return link;
  }

  // Buttons that go through the filter, and the address of this answer alone.
  function steps(row) {
    const place = matching.indexOf(row);
    const button = (title, by) => {
      const made = make("button", `step step-${by > 0 ? "next" : "previous"}`, title);
      made.type = "button";
      made.setAttribute("aria-disabled", matching[place + by] === undefined);
      made.addEventListener("click", () => step(by, `.step-${by > 0 ? "next" : "previous"}`));
      return made;
    };
    const link = make("a", "", "Link to this answer");
    link.href = addressOf({ ...read(""), ...data.placeOf(row) });
    return make("p", "steps", button("Previous answer", -1), button("Next answer", 1), `${place + 1} of ${matching.length}`, link);
  }

  const rowOfState = () => data.rowAt(state);

  // To the answer before or after the open one, or the first in view; `focus` is what has the focus then.
  async function step(by, focus = "summary") {
    const place = matching.indexOf(rowOfState());
    const row = place < 0 ? matching[start] : matching[place + by];
    if (row === undefined) return;
    state = { ...state, ...data.placeOf(row) };
    address(false);
    await show();
    (list.querySelector(`[data-row="${row}"] ${focus}`) ?? list.querySelector(`[data-row="${row}"] summary`)).focus({ preventScroll: true });
  }

  function sayPosition() {
    const end = Math.min(matching.length, start + PAGE);
    position.textContent = matching.length ? `${start + 1}–${end} of ${matching.length}` : "No answer matches.";
    status.textContent = "";
    previous.setAttribute("aria-disabled", start === 0);
    next.setAttribute("aria-disabled", end >= matching.length);
    clear.hidden = filterOf(state) === "#";
  }

  // The page of answers that the state names, with its answer open.
  async function show() {
    const row = rowOfState();
    const place = matching.indexOf(row);
    const last = Math.max(0, Math.ceil(matching.length / PAGE) - 1);
    start = PAGE * (place >= 0 ? Math.floor(place / PAGE) : Math.min(state.page - 1, last));
    const view = `${viewOf(state)} ${start}`;
    if (view !== shownView) list.replaceChildren(...matching.slice(start, start + PAGE).map(entry));
    shownView = view;
    state.page = start / PAGE + 1;
    sayPosition();
    for (const details of list.children) if (details.open && Number(details.dataset.row) !== row) details.open = false;
    const details = place < 0 ? null : list.querySelector(`[data-row="${row}"]`);
    if (!details) return;
    details.open = true;
    await fill(details, row);
    details.scrollIntoView({ block: "start" });
  }

  const say = (text) => {
    status.textContent = text;
  };
  const complain = (error) => say(error.message);

  // Everything follows from the state.
  async function apply() {
    turn += 1;
    const mine = turn;
    try {
      if (!(await filters.findWords(state, () => mine === turn, say))) return;
      matching = data.sorted(filters.matching(state), state.sort);
      const row = rowOfState();
      if (row >= 0 && !matching.includes(row) && filterOf(state) !== "#") {
        state = { ...read(""), ...data.placeOf(row) };
        address(false);
        fillControls();
        await apply();
        status.textContent = "The filter was removed: it leaves this answer out.";
        return;
      }
      await show();
      setTimeout(() => mine === turn && countChoices());
    } catch (error) {
      complain(error);
    }
  }

  function change(values, isNew = true) {
    state = { ...state, page: 1, item: null, ...values };
    address(isNew);
    return apply();
  }

  function restore() {
    // Anchors of the page itself are no state.
    if (location.hash && !location.hash.includes("=")) return;
    if (addressOf(state) === (location.hash || "#")) return;
    state = read(location.hash);
    fillControls();
    apply();
  }

  function scoreOf() {
    const isSet = least.value !== "" || largest.value !== "";
    return isSet ? { name: [...data.items.scores.keys()][metric.value], low: least.value, high: largest.value } : null;
  }

  function listen() {
    let waiting;
    const soon = (work) => () => {
      clearTimeout(waiting);
      waiting = setTimeout(work, 120);
    };
    search.addEventListener("focus", () => data.loadWords().catch(complain));
    search.addEventListener("input", soon(() => change({ text: search.value }, false)));
    whole.addEventListener("change", () => change({ whole: whole.checked }));
    sort.addEventListener("change", () => change({ sort: orders[sort.value][0] }));
    for (const input of [least, largest]) input.addEventListener("input", soon(() => change({ score: scoreOf() }, false)));
    metric.addEventListener("change", () => change({ score: scoreOf() }));
    for (const { name, select, keys } of facets) {
      select.addEventListener("change", () => {
        const value = select.value === "" ? null : keys[select.value] ?? state.facet[name];
        change({ facet: { ...state.facet, [name]: value } });
      });
    }
    clear.addEventListener("click", () => {
      change({ ...read(""), sort: state.sort });
      fillControls();
      search.focus();
    });
    // Not disabled at the ends: that would take the focus away.
    const turnTo = (number) => change({ page: number });
    previous.addEventListener("click", () => start > 0 && turnTo(start / PAGE));
    next.addEventListener("click", () => start + PAGE < matching.length && turnTo(start / PAGE + 2));
    control("open-all").addEventListener("click", () => {
      for (const details of list.children) {
        details.classList.add("all");
        details.open = true;
      }
    });
    toolbar.addEventListener("submit", (event) => event.preventDefault());
    for (const link of document.querySelectorAll("a[data-filter]")) {
      link.addEventListener("click", () => setTimeout(() => control("items-head").scrollIntoView()));
    }
    window.addEventListener("popstate", restore);
    window.addEventListener("hashchange", restore);
    document.addEventListener("keydown", (event) => {
      const by = { j: 1, k: -1 }[event.key];
      if (by && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, select, textarea")) step(by);
    });
  }

  async function begin() {
    await data.begin();
    filters.begin();
    const { items } = data;
    orders = [["", "by question"], ["length", "shortest answer first"], ["-length", "longest answer first"],
      ...[...items.scores.keys()].flatMap((name) => [[`score:${name}`, `lowest ${plainly(name)} first`], [`-score:${name}`, `highest ${plainly(name)} first`]])];
    if (location.hash.includes("=")) state = read(location.hash);
    fillControls();
    listen();
    await apply();
  }

  begin().catch(complain);
})();
