(() => {
  const filter = document.getElementById("filter");
  const boxes = [...document.querySelectorAll("#toolbar input[data-kind]")];
  const columns = [...document.querySelectorAll("#toolbar input[data-column]")];
  const rows = [...document.querySelectorAll(".board tbody tr")];
  const shown = document.getElementById("shown");

  const words = new Map(rows.map((row) => [row, `${row.dataset.name} ${row.cells[0].textContent}`.toLowerCase()]));

  function applyColumns() {
    const left = new Set(columns.filter((box) => !box.checked).map((box) => box.dataset.column));
    for (const table of document.querySelectorAll(".board")) {
      [...table.tHead.rows[0].cells].forEach((head, at) => {
        for (const row of table.rows) row.cells[at].hidden = left.has(head.dataset.column);
      });
    }
    document.getElementById("column-count").textContent = `${columns.length - left.size} of ${columns.length}`;
  }

  function choose(isChosen) {
    for (const box of columns) box.checked = isChosen(box);
    applyColumns();
  }

  function applyFilter() {
    const hiddenKinds = new Set(boxes.filter((box) => !box.checked).map((box) => box.dataset.kind));
    const wanted = filter.value.trim().toLowerCase();
    for (const row of rows) {
      row.hidden = hiddenKinds.has(row.dataset.kind) || !words.get(row).includes(wanted);
    }
    const visible = rows.filter((row) => !row.hidden).length;
    const total = rows.length === 1 ? "1 row" : `${rows.length} rows`;
    shown.textContent = visible === rows.length ? total : `${visible} of ${total}`;
  }

  function compareNames(a, b) {
    if (a.dataset.name === b.dataset.name) return 0;
    return a.dataset.name < b.dataset.name ? -1 : 1;
  }

  // Rows without a value stay last whichever way the others go, before them partial ones; equal ones are ordered by name.
  function comparison(column, direction) {
    const sign = direction === "ascending" ? 1 : -1;
    if (column === 0) return (a, b) => sign * compareNames(a, b);
    const value = (row) => (row.cells[column].dataset.value === undefined ? null : Number(row.cells[column].dataset.value));
    return (a, b) => {
      const left = value(a);
      const right = value(b);
      if (left === null || right === null) return (left === null) - (right === null) || compareNames(a, b);
      const isPartial = (row) => row.dataset.partial !== undefined;
      if (isPartial(a) !== isPartial(b)) return isPartial(a) - isPartial(b);
      return sign * (left - right) || compareNames(a, b);
    };
  }

  function sortBy(header) {
    const opposite = { ascending: "descending", descending: "ascending" };
    const direction = opposite[header.getAttribute("aria-sort")] ?? header.dataset.best;
    for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", direction);
    const body = header.closest("table").tBodies[0];
    body.append(...[...body.rows].sort(comparison(header.cellIndex, direction)));
  }

  for (const button of document.querySelectorAll(".board thead button")) {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }
  filter.addEventListener("input", applyFilter);
  for (const box of boxes) box.addEventListener("change", applyFilter);
  for (const box of columns) box.addEventListener("change", applyColumns);
  if (columns.length) {
    document.getElementById("all-columns").addEventListener("click", () => choose(() => true));
    document.getElementById("first-columns").addEventListener("click", () => choose((box) => box.dataset.first !== undefined));
    choose((box) => box.dataset.first !== undefined);
  }
  document.getElementById("toolbar").addEventListener("submit", (event) => event.preventDefault());
  applyFilter();
})();
