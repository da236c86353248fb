(() => {
  const page = JSON.parse(control("data").textContent);
  const load = opener(page);
  const [select, table, head, body] = ["metric", "table", "head", "body"].map(control);
  let data = null;

  function cell(row, column, pair, { title, unit, name }) {
    if (row === column) return make("td", "self", "\u2014");
    if (!pair) return make("td", "self", "no common answers");
    const link = make("a", "", make("span", "by", SIGNS[pair.verdict], pair.difference),
      make("span", "detail", `${pair.low} to ${pair.high}${markOf(pair)}`), make("span", "detail", `adjusted ${probability(pair.adjusted)}`));
    const files = { a: page.runs[column].file, b: page.runs[row].file, metric: name };
    link.href = `../compare.html#${new URLSearchParams(files)}`;
    link.tabIndex = -1;
    link.ariaLabel = `${title(row)} minus ${title(column)}: ${pair.difference} ${unit}, 95 % interval, not adjusted, ${pair.low} to ${pair.high}, `
      + `adjusted ${probability(pair.adjusted)}, ${pair.n} answers: ${WORDS[pair.verdict]}${REMARKS[markOf(pair)]}. Compare the two.`;
    return make("td", pair.verdict, link);
  }

  function label(place, rank, value, tag) {
    const { file, title } = page.runs[place];
    const link = make("a", "", make("bdi", "", shown(title)));
    link.href = `../runs/${file}.html`;
    const element = make("th", "", link, make("span", "detail", `rank ${rank} \u00b7 ${value}`));
    element.scope = tag;
    return element;
  }

  function draw() {
    const metric = data.metrics.find(({ name }) => name === addressed().metric) ?? data.metrics.find(({ name }) => name === page.first) ?? data.metrics[0];
    const info = page.metrics.find(({ name }) => name === metric.name);
    select.value = String(page.metrics.indexOf(info));
    control("meaning").textContent = `${info.meaning}${info.lower ? " Lower is better." : ""} Differences in ${pointsOf(info.unit)}.`;
    const pairOf = pairsOf(metric);
    const words = { title: (place) => plainly(page.runs[place].title), unit: pointsOf(info.unit), name: metric.name };
    const corner = make("th", "corner", "this run \u2212 that run");
    corner.scope = "col";
    head.replaceChildren(corner, ...metric.order.map((place, at) => label(place, metric.ranks[at], metric.values[at], "col")));
    body.replaceChildren(...metric.order.map((row, at) => make("tr", "", label(row, metric.ranks[at], metric.values[at], "row"),
      ...metric.order.map((column) => cell(row, column, pairOf(row, column), words)))));
    const first = body.querySelector("td a");
    if (first) first.tabIndex = 0;
    const ranks = Math.max(...metric.ranks.join(",").match(/\d+/g).map(Number));
    say(`${metric.order.length} runs, ${ranks === 1 ? "which cannot be told apart" : `${ranks} ranks`}`);
  }

  // One cell is a stop for the tabulator; arrows go from cell to cell.
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  body.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const from = event.target.closest("td");
    if (!step || !from) return;
    let [row, column] = [from.parentElement.rowIndex - 1, from.cellIndex];
    let link = null;
    do {
      [row, column] = [row + step[0], column + step[1]];
      link = body.rows[row]?.cells[column]?.querySelector("td > a");
    } while (!link && body.rows[row]?.cells[column]?.tagName === "TD");
    if (!link) return;
    event.preventDefault();
    for (const one of body.querySelectorAll('td a[tabindex="0"]')) one.tabIndex = -1;
    link.tabIndex = 0;
    link.focus();
  });

  // On paper nothing scrolls: so many columns stand in a table of their own, each with all rows.
  const ON_SHEET = 8;

  function sheet(first) {
    const copy = table.cloneNode(true);
    copy.classList.remove("wide");
    for (const one of [copy, ...copy.querySelectorAll("[id]")]) one.removeAttribute("id");
    for (const { cells } of copy.rows) for (const cell of [...cells]) if (cell.cellIndex && (cell.cellIndex <= first || cell.cellIndex > first + ON_SHEET)) cell.hidden = true;
    for (const cell of copy.querySelectorAll("[hidden]")) cell.remove();
    return copy;
  }

  function turnToPaper(isPaper) {
    const count = head.cells.length - 1;
    const isWide = isPaper && count > ON_SHEET;
    const starts = isWide ? Array.from({ length: Math.ceil(count / ON_SHEET) }, (_, at) => at * ON_SHEET) : [];
    control("sheets").replaceChildren(...starts.map(sheet));
    control("sheets").hidden = !isWide;
    table.classList.toggle("wide", isWide);
  }

  window.matchMedia("print").addEventListener("change", ({ matches }) => turnToPaper(matches));
  window.addEventListener("beforeprint", () => turnToPaper(true));
  window.addEventListener("afterprint", () => turnToPaper(false));

  select.addEventListener("change", () => {
    address({ metric: page.metrics[Number(select.value)].name }, true);
    draw();
  });
  for (const event of ["popstate", "hashchange"]) window.addEventListener(event, () => data && draw());
  control("toolbar").addEventListener("submit", (event) => event.preventDefault());
  load(`benchmarks/${page.key}/pairs`).then((pairs) => {
    data = pairs;
    table.hidden = false;
    draw();
  }).catch((error) => say(error.message));
})();
