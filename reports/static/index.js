(() => {
  const OPPOSITE = { ascending: "descending", descending: "ascending" };
  const control = (id) => document.getElementById(id);
  const [search, sort, chooser, baselines, shownCount] = ["search", "sort", "toolbar", "baselines", "shown"].map(control);
  if (!search) return;
  const picked = control("picked");
  const boxes = [...chooser.querySelectorAll("input[data-column]")];
  const tabs = [...document.querySelectorAll("#tabs button")];
  const panels = new Map([...document.querySelectorAll(".benchmark")].map((section) => [section.id, section]));
  const boards = new Map([...panels].map(([id, section]) => [id, boardOf(section)]));
  const start = () => ({ tab: panels.keys().next().value, sort: null, direction: null, columns: null, words: "", baselines: true, ticked: [] });
  let state = start();

  function boardOf(section) {
    const table = section.querySelector(".board");
    const heads = [...table.tHead.rows[0].cells];
    const bodies = [...table.tBodies];
    const rows = bodies.flatMap((body) => [...body.rows].filter((row) => row.dataset.file));
    const by = new Map(heads.map((head) => [head.dataset.column, head]));
    const usual = heads.find((head) => head.ariaSort !== "none" && head.ariaSort !== null) ?? heads[1];
    const isRanked = rows.some((row) => row.dataset.ranks);
    return { section, table, heads, bodies, rows, by, isRanked, usual: [usual.dataset.column, usual.ariaSort] };
  }

  // The address has whatever is not as at first, so that it can be shared.
  function toAddress() {
    const first = start();
    const entries = new URLSearchParams();
    if (state.tab !== first.tab) entries.set("tab", state.tab);
    if (state.sort) entries.set("sort", state.sort);
    if (state.direction) entries.set("order", state.direction);
    if (state.columns) entries.set("columns", [...state.columns].map(encodeURIComponent).join(" "));
    if (state.words) entries.set("search", state.words);
    if (!state.baselines) entries.set("baselines", "no");
    for (const file of state.ticked) entries.append("tick", file);
    const text = entries.toString();
    return text ? `#${text}` : location.pathname + location.search;
  }

  function fromAddress() {
    const text = location.hash.slice(1);
    if (text && !text.includes("=")) return;
    const entries = new URLSearchParams(text);
    state = start();
    if (panels.has(entries.get("tab"))) state.tab = entries.get("tab");
    state.sort = entries.get("sort");
    if (entries.get("order") in OPPOSITE) state.direction = entries.get("order");
    if (entries.has("columns")) state.columns = new Set(entries.get("columns").split(" ").map(decoded));
    state.words = entries.get("search") ?? "";
    state.baselines = entries.get("baselines") !== "no";
    const files = new Set(boards.get(state.tab).rows.map((row) => row.dataset.file));
    state.ticked = entries.getAll("tick").filter((file) => files.has(file)).slice(-2);
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // Typing changes the address in place; every other choice can be taken back with the browser's button.
  function change(changes, isTyping = false) {
    Object.assign(state, changes);
    history[isTyping ? "replaceState" : "pushState"](null, "", toAddress());
    apply();
  }

  function order(board) {
    const head = board.by.get(state.sort);
    if (!head) return board.usual;
    return [state.sort, state.direction ?? head.dataset.best];
  }

  function compareNames(a, b) {
    if (a.dataset.name === b.dataset.name) return 0;
    return a.dataset.name < b.dataset.name ? -1 : 1;
  }

  // Rows without a value stay last whichever way the others go; equal ones are ordered by name.
  function comparison(head, direction) {
    const sign = direction === "ascending" ? 1 : -1;
    const isText = head.dataset.text !== undefined;
    const key = (row) => {
      const cell = row.cells[head.cellIndex];
      if (head.dataset.column === "run") return row.dataset.name;
      return isText ? cell.textContent || null : cell.dataset.v === undefined ? null : Number(cell.dataset.v);
    };
    return (a, b) => {
      const [left, right] = [key(a), key(b)];
      if (left === null || right === null) return (left === null) - (right === null) || compareNames(a, b);
      return sign * ((left > right) - (left < right)) || compareNames(a, b);
    };
  }

  function applySort(board) {
    const [name, direction] = order(board);
    const head = board.by.get(name);
    for (const other of board.heads) if (other.dataset.column) other.ariaSort = other === head ? direction : "none";
    applyRanks(board, name);
    for (const body of board.bodies) body.append(...board.rows.filter((row) => row.parentElement === body).sort(comparison(head, direction)));
  }

  // The ranks are those in the metric that sorts the rows; where none does, in the one that did at first.
  function applyRanks(board, name) {
    const metrics = board.heads.filter((head) => head.dataset.top !== undefined);
    const metric = metrics.includes(board.by.get(name)) ? name : board.usual[0];
    const at = metrics.indexOf(board.by.get(metric));
    const ranks = board.rows.map((row) => row.dataset.ranks?.split("|")[at] ?? "");
    for (const [number, row] of board.rows.entries()) {
      row.cells[0].textContent = ranks[number];
      row.cells[0].hidden = !board.isRanked;
    }
    board.heads[0].hidden = !board.isRanked;
    board.heads[0].title = `Ranks in ${metric}. Runs that cannot be told apart share one.`;
  }

  function columnsOf(board) {
    const chosen = board.heads.filter((head) => state.columns?.has(head.dataset.column));
    return new Set(chosen.length ? chosen : board.heads.filter((head) => head.dataset.first !== undefined));
  }

  function applyColumns(board) {
    const columns = columnsOf(board);
    const shown = board.heads.map((head) => columns.has(head));
    for (const row of [board.heads[0].parentElement, ...board.rows]) {
      shown.forEach((isShown, at) => {
        if (at < 2) return;
        const cell = row.cells[at];
        cell.hidden = !isShown;
        if (isShown && row !== board.heads[0].parentElement) draw(cell, board.heads[at]);
      });
    }
  }

  function part(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // A bar from nothing to the value on a track as long as the metric goes, with the interval and the marks of the table.
  function draw(cell, head) {
    if (cell.dataset.label !== undefined) return;
    cell.dataset.label = head.dataset.column;
    if (cell.dataset.v === undefined || head.dataset.top === undefined) return;
    const place = (text) => (100 * Math.min(1, Math.max(0, Number(text) / Number(head.dataset.top)))).toFixed(2);
    const svg = part("svg", { class: "gauge", viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(part("rect", { class: "track", y: 4, width: 100, height: 6 }), part("rect", { class: "bar", y: 4, width: place(cell.dataset.v), height: 6 }));
    if (cell.dataset.i) {
      const [low, high] = cell.dataset.i.split(" ").map(place);
      svg.append(part("path", { class: "whisker", d: `M${low} 7H${high}M${low} 4V10M${high} 4V10` }));
    }
    if (head.dataset.floor) svg.append(part("path", { class: "floor", d: `M${place(head.dataset.floor)} 0V14` }));
    if (head.dataset.released) svg.append(part("path", { class: "released", d: `M${place(head.dataset.released)} 0V14` }));
    if (cell.dataset.c) svg.append(part("path", { class: "ceiling", d: `M${(place(cell.dataset.c) - 4).toFixed(2)} 1H${place(cell.dataset.c)}V13H${(place(cell.dataset.c) - 4).toFixed(2)}` }));
    cell.append(svg);
  }

  // The exact numbers of a cell that is pointed at.
  function explain(cell) {
    if (!cell || cell.title || cell.dataset.v === undefined) return;
    const [low, high] = cell.dataset.i?.split(" ") ?? [];
    const ends = low ? `, 95 % interval ${low} to ${high}` : "";
    const most = cell.dataset.c ? `; the references reach ${cell.dataset.c}` : "";
    cell.title = `${cell.dataset.label} = ${cell.dataset.v}${ends}${most}`;
  }

  function applySearch() {
    const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [id, board] of boards) {
      let count = 0;
      for (const row of board.rows) {
        row.words ??= [...row.cells].slice(1).map((cell) => cell.textContent).join(" ").toLowerCase();
        const isHidden = (!state.baselines && row.className === "row-baseline") || !words.every((word) => row.words.includes(word));
        row.hidden = isHidden;
        count += !isHidden;
      }
      for (const head of board.table.querySelectorAll(".group-head")) {
        head.hidden = [...head.parentElement.rows].every((row) => row === head || row.hidden);
      }
      const tab = control(`tab-${id}`);
      if (tab) tab.querySelector("[data-count]").textContent = count;
      if (id === state.tab) shownCount.textContent = counted(count, board.rows.length);
    }
  }

  function counted(count, total) {
    const all = total === 1 ? "1 run" : `${total} runs`;
    return count === total ? all : `${count} of ${all}`;
  }

  function applyControls() {
    const board = boards.get(state.tab);
    const columns = new Set([...columnsOf(board)].map((head) => head.dataset.column));
    for (const box of boxes) {
      box.checked = columns.has(box.dataset.column);
      box.parentElement.hidden = !board.by.has(box.dataset.column);
    }
    control("column-count").textContent = `${columns.size} of ${board.heads.length - 2}`;
    const [name, direction] = order(board);
    sort.replaceChildren(...board.heads.filter((head) => head.dataset.column).map((head) => new Option(head.dataset.column)));
    sort.value = name;
    sort.title = direction;
    if (search.value !== state.words) search.value = state.words;
    if (baselines) baselines.checked = state.baselines;
  }

  // Two runs of a benchmark can be ticked; a third one takes the place of the first.
  function tick(file, isTicked) {
    const others = state.ticked.filter((one) => one !== file);
    change({ ticked: isTicked ? [...others, file].slice(-2) : others });
  }

  function applyTicks(board) {
    for (const row of board.rows) {
      const box = row.cells[1].querySelector("input");
      if (box) box.checked = state.ticked.includes(row.dataset.file);
    }
    if (!picked) return;
    const names = state.ticked.map((file) => board.rows.find((row) => row.dataset.file === file).dataset.name);
    const link = picked.querySelector("a");
    link.hidden = names.length < 2;
    link.href = `compare.html#${new URLSearchParams({ a: state.ticked[0] ?? "", b: state.ticked[1] ?? "" })}`;
    link.textContent = `Compare ${names.join(" and ")}`;
    picked.querySelector("span").textContent = names.length === 1 ? `Tick another run to compare it with ${names[0]}.` : "";
    picked.hidden = !names.length;
  }

  function addBoxes(board) {
    for (const row of board.rows) {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.ariaLabel = `Compare ${row.dataset.name}`;
      box.addEventListener("change", () => tick(row.dataset.file, box.checked));
      row.cells[1].prepend(box);
    }
  }

  function applyTab() {
    for (const [id, panel] of panels) panel.hidden = id !== state.tab;
    for (const tab of tabs) {
      const isChosen = tab.dataset.panel === state.tab;
      tab.ariaSelected = isChosen;
      tab.tabIndex = isChosen ? 0 : -1;
    }
  }

  function apply() {
    applyTab();
    for (const board of boards.values()) {
      if (board.section.hidden) continue;
      applySort(board);
      applyColumns(board);
      applyTicks(board);
    }
    applySearch();
    applyControls();
  }

  function chooseTab(id, isFocused) {
    if (id !== state.tab) change({ tab: id, ticked: [] });
    if (isFocused) control(`tab-${id}`).focus();
  }

  function onTabKey(event) {
    const at = tabs.indexOf(event.currentTarget);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    chooseTab(tabs.at(next % tabs.length).dataset.panel, true);
  }

  function onSort(head) {
    const [name, direction] = order(boards.get(state.tab));
    const next = head.dataset.column === name ? OPPOSITE[direction] : head.dataset.best;
    change({ sort: head.dataset.column, direction: next === head.dataset.best ? null : next });
  }

  for (const tab of tabs) {
    tab.role = "tab";
    tab.setAttribute("aria-controls", tab.dataset.panel);
    tab.addEventListener("click", () => chooseTab(tab.dataset.panel, false));
    tab.addEventListener("keydown", onTabKey);
  }
  if (tabs.length) {
    const list = control("tabs");
    list.role = "tablist";
    list.hidden = false;
    for (const [id, panel] of panels) {
      panel.role = "tabpanel";
      panel.setAttribute("aria-labelledby", `tab-${id}`);
    }
  }
  for (const board of boards.values()) {
    if (picked) addBoxes(board);
    for (const head of board.heads) head.querySelector("button")?.addEventListener("click", () => onSort(head));
    board.table.addEventListener("mouseover", (event) => explain(event.target.closest("td")));
  }
  search.addEventListener("input", () => change({ words: search.value.trim() }, true));
  sort.addEventListener("change", () => change({ sort: sort.value, direction: null }));
  control("reverse").addEventListener("click", () => onSort(boards.get(state.tab).by.get(order(boards.get(state.tab))[0])));
  baselines?.addEventListener("change", () => change({ baselines: baselines.checked }));
  for (const box of boxes) {
    box.addEventListener("change", () => change({ columns: new Set(boxes.filter((one) => one.checked).map((one) => one.dataset.column)) }));
  }
  control("all-columns").addEventListener("click", () => change({ columns: new Set(boxes.map((box) => box.dataset.column)) }));
  control("first-columns").addEventListener("click", () => change({ columns: null }));
  chooser.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("popstate", () => {
    fromAddress();
    apply();
  });
  document.documentElement.classList.add("with-script");
  chooser.hidden = false;
  fromAddress();
  apply();
})();
