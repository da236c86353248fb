(() => {
  const control = (id) => document.getElementById(id);
  const [kind, metric, domain, search, shown] = ["kind", "metric", "domain", "search", "shown"].map(control);
  const groups = [...document.querySelectorAll(".group")].map((element) => ({
    element, domain: element.dataset.domain, items: [...element.querySelectorAll(".item")],
  }));
  const total = groups.reduce((sum, group) => sum + group.items.length, 0);
  const words = new WeakMap();

  function haystack(group, item) {
    if (!words.has(item)) words.set(item, `${group.element.firstElementChild.textContent}\n${item.textContent}`.toLowerCase());
    return words.get(item);
  }

  function isOfKind(item) {
    const changes = metric.value === "any" ? item.dataset.changes : item.dataset.changes.charAt(Number(metric.value));
    const isAlike = item.dataset.alike !== undefined;
    const is = {
      worse: changes.includes("-"),
      better: changes.includes("+"),
      other: !isAlike && !changes.includes("-") && !changes.includes("+"),
      alike: isAlike,
    };
    return kind.value === "" || is[kind.value];
  }

  function apply() {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const group of groups) {
      const isAsked = domain.selectedIndex === 0 || group.domain === domain.value;
      let left = 0;
      for (const item of group.items) {
        item.hidden = !isAsked || !isOfKind(item) || (wanted !== "" && !haystack(group, item).includes(wanted));
        left += !item.hidden;
      }
      group.element.hidden = left === 0;
      count += left;
    }
    shown.textContent = count === total ? `${total} answers` : `${count} of ${total} answers`;
  }

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  for (const select of [kind, metric, domain]) select.addEventListener("change", apply);
  for (const button of document.querySelectorAll("button[data-kind]")) {
    button.addEventListener("click", () => {
      kind.value = button.dataset.kind;
      metric.value = button.dataset.metric;
      apply();
      kind.focus({ preventScroll: true });
      document.getElementById("answers").scrollIntoView();
    });
  }
  control("toolbar").addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
