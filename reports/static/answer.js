// An answer as pages show it. Everything a model wrote reaches a page through `shown`: as text nodes, never as markup.
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// For where no element can stand, as in an option.
function plainly(text) {
  return [...shown(text).childNodes].map((node) => (node.nodeType === 3 ? node.data : `[${node.textContent}]`)).join("");
}

const KEYWORDS = new Set(["and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
  "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
  "pass", "raise", "return", "try", "while", "with", "yield", "True", "False", "None"]);
const PYTHON = new RegExp([
  /(?<comment>#[^\r\n]*)/,
  /(?<string>[rbfu]{0,2}(?<quotes>"""|''')(?:\\[^]|(?!\k<quotes>)[^\\])*(?:\k<quotes>|$))/,
  /(?<line>[rbfu]{0,2}(?:"(?:\\[^]|[^"\\\r\n])*"|'(?:\\[^]|[^'\\\r\n])*'))/,
  /(?<number>0[xob][\da-f_]+|\d[\d_]*(?:\.[\d_]*)?(?:e[+-]?\d+)?j?|\.\d[\d_]*(?:e[+-]?\d+)?j?)/,
  /(?<name>[\p{L}_][\p{L}\p{M}\p{N}_]*)/,
].map((pattern) => pattern.source).join("|"), "giu");

const MOST_HIGHLIGHTED = 100_000;

// Python with its comments, strings, numbers and keywords marked. Here and not where the page is made: of thousands of
// answers a reader looks at a few, and Pygments would take longer than all else that makes the page.
function highlighted(text) {
  if (text.length > MOST_HIGHLIGHTED) return shown(text);
  const parts = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(PYTHON)) {
    const { comment, string, line, number, name } = match.groups;
    const kind = comment !== undefined ? "comment" : (string ?? line) !== undefined ? "string"
      : number !== undefined ? "number" : KEYWORDS.has(name) ? "keyword" : "";
    if (!kind) continue;
    parts.append(shown(text.slice(end, match.index)), make("span", `code-${kind}`, shown(match[0])));
    end = match.index + match[0].length;
  }
  parts.append(shown(text.slice(end)));
  return parts;
}

// Text in which the program that was found is highlighted.
function withProgram(text, program) {
  const at = program ? text.indexOf(program) : -1;
  if (at < 0) return [shown(text)];
  return [shown(text.slice(0, at)), highlighted(program), shown(text.slice(at + program.length))];
}

const MOST_STEPS = 1_000_000;

// The words of two texts in order, each with its side: "=" in both, "-" only in the first, "+" only in the second; a
// longest common subsequence. Texts too long for that are taken to have only their beginnings and ends in common.
function differences(first, second) {
  const [a, b] = [first, second].map((text) => text.match(/[\p{L}\p{M}\p{N}_]+|\s+|[^]/gu) ?? []);
  let begin = 0;
  while (begin < Math.min(a.length, b.length) && a[begin] === b[begin]) begin += 1;
  let ends = 0;
  while (ends < Math.min(a.length, b.length) - begin && a.at(-1 - ends) === b.at(-1 - ends)) ends += 1;
  const [left, right] = [a.slice(begin, a.length - ends), b.slice(begin, b.length - ends)];
  const side = (words, sign) => words.map((word) => [sign, word]);
  const middle = left.length * right.length > MOST_STEPS ? [...side(left, "-"), ...side(right, "+")] : common(left, right);
  return [...side(a.slice(0, begin), "="), ...middle, ...side(a.slice(a.length - ends), "=")];
}

function common(left, right) {
  const width = right.length + 1;
  const most = new Uint32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      most[i * width + j] = left[i] === right[j] ? most[(i + 1) * width + j + 1] + 1
        : Math.max(most[(i + 1) * width + j], most[i * width + j + 1]);
    }
  }
  const words = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [first, second] = [most[(i + 1) * width + j], most[i * width + j + 1]];
    if (i < left.length && left[i] === right[j]) {
      words.push(["=", left[i]]);
      [i, j] = [i + 1, j + 1];
    } else if (j === right.length || (i < left.length && first >= second)) {
      words.push(["-", left[i]]);
      i += 1;
    } else {
      words.push(["+", right[j]]);
      j += 1;
    }
  }
  return words;
}

// One side of the differences: the words of that text, those that the other lacks marked.
function sideOf(words, sign, tag) {
  const runs = [];
  for (const [kind, word] of words.filter(([kind]) => kind === "=" || kind === sign)) {
    if (runs.at(-1)?.[0] === kind) runs.at(-1)[1] += word;
    else runs.push([kind, word]);
  }
  return runs.map(([kind, text]) => (kind === "=" ? shown(text) : make(tag, "", shown(text))));
}

function textBlock(text, absent, parts = [shown(text ?? "")]) {
  return text ? make("pre", "", ...parts) : make("p", "absent", absent);
}

function block(title, ...content) {
  return make("section", "", make("h3", "", title), ...content);
}

function folded(title, ...content) {
  return make("details", "fold", make("summary", "", title), ...content);
}

function callPair(call, reference) {
  const words = call && reference ? differences(reference, call) : [];
  const parts = (text, sign, tag) => (words.length ? sideOf(words, sign, tag) : [shown(text ?? "")]);
  return make("div", "pair",
    block("Call extracted", textBlock(call, "No call was found.", parts(call, "+", "ins"))),
    block("Reference call", textBlock(reference, "The data has none.", parts(reference, "-", "del"))));
}

function labelTable({ labels, messages }) {
  const rows = Object.entries(labels).map(([name, label]) => make("tr", "",
    make("th", "", shown(name)), make("td", "", shown(label)), make("td", "", shown(Object.hasOwn(messages, name) ? messages[name] : ""))));
  return rows.length ? make("table", "pairs", make("tbody", "", ...rows)) : make("p", "absent", "No labels.");
}

function scoreList(scores) {
  const cells = Object.entries(scores).map(([name, value]) => make("div", "", make("dt", "", shown(name)),
    make("dd", "", typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : shown(String(value)))));
  return cells.length ? make("dl", "scores", ...cells) : make("p", "absent", "No metrics.");
}

const RUNGS = ["nothing extracted", "parses", "imports resolve", "its call was made and returned", "ran to its end"];

function worded(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function evidenceRow([name, value]) {
  const text = worded(value);
  return make("tr", "", make("th", "", shown(name)),
    make("td", "", text.includes("\n") ? make("pre", "", shown(text)) : shown(text)));
}

function verdictTable(verdict) {
  if (!verdict) return make("p", "absent", "Not executed.");
  const { status, category, stage, reason, evidence, ...others } = verdict;
  const rung = RUNGS[stage] === undefined ? worded(stage ?? null) : `${stage} of 4: ${RUNGS[stage]}`;
  const parts = [["status", status], ["category", category], ["stage", rung], ["reason", reason]];
  const details = evidence && typeof evidence === "object" ? Object.entries(evidence) : [["evidence", evidence]];
  const rows = [...parts, ...details, ...Object.entries(others)]
    .filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("table", "pairs verdict", make("tbody", "", ...rows.map(evidenceRow)));
}

// The whole answer; reasoning at its beginning is folded.
function asWritten({ text, program, begins }) {
  const rest = text.slice(begins);
  const answer = rest || !begins ? [textBlock(rest, "The answer is empty.", withProgram(rest, program))] : [];
  return begins ? [folded(`Reasoning (${begins} characters)`, make("pre", "", shown(text.slice(0, begins)))), ...answer] : answer;
}

const UNFINISHED = {
  length: "Its tokens ran out. A larger --max-new-tokens gives it more room.",
  reasoning: "It ends inside the model's reasoning. A larger --max-new-tokens gives it more room.",
};

// All that a run has of an answer, in the order in which a reader asks for it.
function answerBody(answer, referenceCall, referenceProgram) {
  const { program, text, reasoning, unfinished, document: retrieved } = answer;
  return [
    retrieved ? folded("Document that the retriever added to the prompt", make("pre", "", shown(retrieved))) : null,
    callPair(answer.call, referenceCall),
    block("Labels", labelTable(answer)),
    block("Metrics", scoreList(answer.scores)),
    block("Verdict", verdictTable(answer.verdict)),
    make("div", "pair",
      block(shown(`Program extracted (found in: ${answer.how})`), textBlock(program, "No program was found.", [highlighted(program ?? "")])),
      block("Reference program", textBlock(referenceProgram, "The data has none.", [highlighted(referenceProgram)]))),
    unfinished ? block("Unfinished", make("p", "why", UNFINISHED[unfinished] ?? shown(unfinished))) : null,
    reasoning ? folded(`Reasoning, sent apart from the answer (${reasoning.length} characters)`, make("pre", "", shown(reasoning))) : null,
    block("Answer as written", ...asWritten(answer)),
  ];
}
