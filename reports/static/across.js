// What the pages across runs share: the address, names, and the pairs of pairs.js.
const control = (id) => document.getElementById(id);

function addressed() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

// What is empty is left out; a new entry for the back button where `isNew`.
function address(values, isNew) {
  const hash = `#${new URLSearchParams(Object.entries(values).filter(([, value]) => value))}`;
  if (hash !== location.hash) history[isNew ? "pushState" : "replaceState"](null, "", hash);
}

// A benchmark is named by its key or, from elsewhere, by its name; of several on other data the one with most runs.
function groupIn(groups, wanted) {
  const bySize = [...groups].sort((a, b) => b.runs.length - a.runs.length);
  return groups.find(({ key }) => key === wanted) ?? bySize.find(({ benchmark }) => benchmark === wanted);
}

function say(text) {
  control("status").textContent = text;
}

// A difference as printed, of the other order.
function turned(text) {
  return text.replace(/^[+\u2212]/, (sign) => (sign === "+" ? "\u2212" : "+"));
}

const COLUMNS = ["a", "b", "difference", "low", "high", "p", "adjusted", "n", "winner"];

// A metric's pairs by both places in `runs`: the first minus the second, and whether that is "better", "worse" or "open".
function pairsOf({ order, pairs }) {
  const columns = COLUMNS.map((name) => columnOf(pairs[name]));
  const byPlaces = new Map();
  for (let row = 0; row < columns[0].places.length; row += 1) {
    const [a, b, difference, low, high, p, adjusted, n, winner] = columns.map((column) => column.at(row));
    const same = { p, adjusted, n };
    const verdict = (side) => (winner === "" ? "open" : winner === side ? "better" : "worse");
    byPlaces.set(`${order[b]} ${order[a]}`, { ...same, difference, low, high, verdict: verdict("b") });
    byPlaces.set(`${order[a]} ${order[b]}`,
      { ...same, difference: turned(difference), low: turned(high), high: turned(low), verdict: verdict("a") });
  }
  return (first, second) => byPlaces.get(`${first} ${second}`);
}

const pointsOf = (unit) => (unit === "%" ? "percentage points" : `steps ${unit}`);
const SIGNS = { better: "\u25b2 ", worse: "\u25bc ", open: "\u00b7 " };
const WORDS = { better: "better", worse: "worse", open: "cannot be told apart" };

// A pair's interval is of that pair alone, the test adjusted for all pairs: one may include zero where the other does not.
function markOf({ low, high, verdict }) {
  const [from, to] = [low, high].map((text) => Number(text.replace("\u2212", "-")));
  const includesZero = from <= 0 && to >= 0;
  if (includesZero === (verdict === "open")) return "";
  return includesZero ? "\u2020" : "\u2021";
}

const REMARKS = {
  "": "",
  "\u2020": "; the interval alone includes zero",
  "\u2021": "; the interval alone leaves zero out",
};
const probability = (text) => (text.startsWith("<") ? `p ${text}` : `p = ${text}`);
