// The state of a run's page, which is what its address says after "#"; `names` are the filters by a value.
function stateIn(hash, names) {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const facet = Object.fromEntries(names.map((name) => [name, values.get(name)]));
  const [low, high, ...name] = (values.get("score") ?? "").split(",");
  return {
    facet,
    score: name.length ? { name: name.join(","), low, high } : null,
    text: values.get("text") ?? "",
    whole: values.has("whole"),
    sort: values.get("sort") ?? "",
    page: Math.max(1, Math.floor(Number(values.get("page"))) || 1),
    item: values.get("item"),
    sample: values.get("sample") ?? "0",
  };
}

function addressOf({ facet, score, text, whole: all, sort: order, page: number, item, sample }) {
  const values = new URLSearchParams();
  for (const [name, value] of Object.entries(facet)) if (value !== null) values.set(name, value);
  if (score) values.set("score", `${score.low},${score.high},${score.name}`);
  if (text) values.set("text", text);
  if (text && all) values.set("whole", "1");
  if (order) values.set("sort", order);
  if (number > 1 && item === null) values.set("page", number);
  if (item !== null) values.set("item", item);
  if (item !== null && sample !== "0") values.set("sample", sample);
  return `#${values}`;
}

const filterOf = (one) => addressOf({ ...one, page: 1, item: null, sort: "" });
const viewOf = (one) => addressOf({ ...one, page: 1, item: null });

// A value in the address; as `facet_key` in run_page.py.
const facetKey = (value) => (value === null ? "~none" : /^(~|$)/.test(value) ? `~=${value}` : String(value));
