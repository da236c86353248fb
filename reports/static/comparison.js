(() => {
  const PAGE = 100;
  const KEPT = 12;
  const control = (id) => document.getElementById(id);
  const [kind, metric, domain, search, shownCount, list] = ["kind", "metric", "domain", "search", "shown", "groups"].map(control);
  const [pager, previous, next, position] = [document.querySelector(".pager"), ...["previous", "next", "position"].map(control)];
  // Of every answer: its group, and what changed; of every group its domain; of every part where its answers begin.
  const data = JSON.parse(control("data").textContent);
  const total = data.groups.length;
  const apis = data.apis.map((name) => name.toLowerCase());
  const heads = new Map();
  const parts = new Map();
  const waiting = new Map();
  let matching = [];
  let start = 0;
  let turn = 0;
  let searched = { term: "", rows: null };

  function partOf(row) {
    let part = data.parts.length - 1;
    while (data.parts[part] > row) part -= 1;
    return part;
  }

  // A part is kept as its answers' elements: what stands on the page itself for good, of others the latest few.
  function keep(part, root) {
    for (const group of root.querySelectorAll(".group")) heads.set(Number(group.dataset.group), group.querySelector("h3"));
    parts.delete(part);
    parts.set(part, [...root.querySelectorAll(".item")]);
    for (const old of parts.keys()) {
      if (parts.size <= KEPT) break;
      if (old !== 0 && old !== part) parts.delete(old);
    }
    return parts.get(part);
  }

  // Called by the files in answers/, which hold what the page itself has no room for.
  window.apigauge = (part, packed) => {
    const resolve = waiting.get(part) ?? [];
    waiting.delete(part);
    const html = unpacked(packed);
    for (const one of resolve) one(html);
  };

  // A browser keeps every script that it has run, and gives texts back that are unpacked.
  function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  function read(part) {
    return new Promise((resolve, reject) => {
      const isFirst = !waiting.has(part);
      waiting.set(part, [...(waiting.get(part) ?? []), resolve]);
      if (!isFirst) return;
      const script = document.createElement("script");
      script.src = `answers/part-${part}.js`;
      script.onload = () => script.remove();
      script.onerror = () => {
        waiting.delete(part);
        reject(new Error(script.getAttribute("src")));
      };
      document.head.append(script);
    });
  }

  async function load(part) {
    if (parts.has(part)) return parts.get(part);
    const template = document.createElement("template");
    template.innerHTML = await read(part);
    return keep(part, template.content);
  }

  const SIGNS = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  const signOf = (reference, code) => SIGNS[reference] ?? String.fromCodePoint(code);

  // The text of each answer in a part, without building its elements: a search goes through all of them.
  async function texts(part) {
    const kept = parts.get(part);
    if (kept) return kept.map((item) => (item.words ??= item.textContent.toLowerCase()));
    const html = await read(part);
    return html.split(/<details class=.item.>/).slice(1).map((piece) => piece.split("\n</section>")[0]
      .replace(/<[^>]*>/g, "").replace(/&(?:lt|gt|amp|#(\d+));/g, signOf).toLowerCase());
  }

  function isOfKind(row) {
    const [changes, isAlike] = data.changes[data.codes[row]];
    const seen = metric.value === "any" ? changes : changes.charAt(Number(metric.value));
    const isChanged = seen.includes("-") || seen.includes("+");
    const is = {
      worse: seen.includes("-"),
      better: seen.includes("+"),
      same: !isChanged && seen.includes("="),
      other: !isAlike && !isChanged,
      alike: isAlike,
    };
    return kind.value === "" || is[kind.value];
  }

  // Rows that have the words, in either answer, the question or the API; reads every part once for a new word.
  async function withWords(term, mine) {
    const rows = searched.rows && term.includes(searched.term) ? searched.rows : [...data.groups.keys()];
    const hits = [];
    let [part, words] = [-1, []];
    for (const row of rows) {
      if (partOf(row) !== part) {
        part = partOf(row);
        if (!parts.has(part)) shownCount.textContent = `searching, ${part} of ${data.parts.length} parts read`;
        words = await texts(part);
        if (mine !== turn) return null;
      }
      if (words[row - data.parts[part]].includes(term) || apis[data.groups[row]].includes(term)) hits.push(row);
    }
    searched = { term, rows: hits };
    return hits;
  }

  function sections(rows, items) {
    const made = [];
    let group;
    rows.forEach((row, at) => {
      if (data.groups[row] !== group) {
        group = data.groups[row];
        const section = document.createElement("section");
        section.className = "group";
        section.append(heads.get(group).cloneNode(true));
        made.push(section);
      }
      items[at].hidden = false;
      made.at(-1).append(items[at]);
    });
    return made;
  }

  async function show(from, mine) {
    start = from;
    const rows = matching.slice(start, start + PAGE);
    const items = [];
    for (const row of rows) {
      const part = partOf(row);
      items.push((parts.get(part) ?? await load(part))[row - data.parts[part]]);
      if (mine !== turn) return;
    }
    list.replaceChildren(...sections(rows, items));
    const count = matching.length;
    shownCount.textContent = count === total ? `${total} answers` : `${count} of ${total} answers`;
    pager.hidden = count <= PAGE;
    position.textContent = `${start + 1}–${start + rows.length} of ${count}`;
    previous.setAttribute("aria-disabled", start === 0);
    next.setAttribute("aria-disabled", start + PAGE >= count);
  }

  async function begin(work) {
    turn += 1;
    try {
      await work(turn);
    } catch (error) {
      shownCount.textContent = `cannot be read: ${error.message}`;
    }
  }

  function apply() {
    return begin(async (mine) => {
      const term = search.value.trim().toLowerCase();
      const place = Number(domain.selectedOptions[0].dataset.domain ?? -1);
      const rows = term ? await withWords(term, mine) : [...data.groups.keys()];
      if (rows === null) return;
      matching = rows.filter((row) => (place < 0 || data.domains[data.groups[row]] === place) && isOfKind(row));
      await show(0, mine);
    });
  }

  let pause;
  search.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(apply, 120);
  });
  for (const select of [kind, metric, domain]) select.addEventListener("change", apply);
  // Not disabled at the ends: that would take the focus away.
  previous.addEventListener("click", () => start > 0 && begin((mine) => show(Math.max(0, start - PAGE), mine)));
  next.addEventListener("click", () => start + PAGE < matching.length && begin((mine) => show(start + PAGE, mine)));
  for (const button of document.querySelectorAll("button[data-kind]")) {
    button.addEventListener("click", () => {
      kind.value = button.dataset.kind;
      metric.value = button.dataset.metric;
      domain.selectedIndex = 0;
      search.value = "";
      apply();
      kind.focus({ preventScroll: true });
      control("answers").scrollIntoView();
    });
  }
  list.addEventListener("toggle", (event) => event.target.open && reachable(event.target), true);
  control("toolbar").addEventListener("submit", (event) => event.preventDefault());
  keep(0, list);
  apply();
})();
