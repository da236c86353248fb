// The answers of a run with their questions, as reports/data_files.py lays them out: rows are numbered from 0 in order of
// their questions. Columns are loaded at once, texts when they are looked at.
class RunData {
  constructor(page) {
    this.page = page;
    this.load = opener(page);
    this.ids = [];
    this.questions = null;
    this.items = null;
    this.count = 0;
    // Of each row what is searched, in lower case, once it is loaded.
    this.words = [];
  }

  async begin() {
    const [questions, items] = await Promise.all([this.load(`${this.page.benchmark}/questions`), this.load(`${this.page.folder}/items`)]);
    const named = (columns) => new Map(columns.map(([name, column]) => [name, columnOf(column)]));
    this.ids = questions.ids;
    this.count = items.question.length;
    this.questions = { ...questions, domain: columnOf(questions.domain), api: columnOf(questions.api) };
    this.items = {
      question: items.question,
      sample: columnOf(items.sample),
      scores: named(items.scores),
      labels: named(items.labels),
      stage: columnOf(items.stage),
      unfinished: columnOf(items.unfinished),
      length: columnOf(items.length),
    };
  }

  partOf(row) {
    return Math.floor(this.items.question[row] / this.questions.texts);
  }

  lineOf(row) {
    return Math.floor(this.items.question[row] / this.questions.lines);
  }

  // The questions and the calls of a row's line, which are needed before the whole answer is.
  async line(part) {
    const [asked, made] = await Promise.all([this.load(`${this.page.benchmark}/lines-${part}`), this.load(`${this.page.folder}/lines-${part}`)]);
    return (row) => {
      const place = this.items.question[row] - part * this.questions.lines;
      return { instruction: asked.instruction[place], reference: asked.referenceCall[place], call: made.call[row - made.begin] };
    };
  }

  // All of an answer: its line, the answers of its part from the row `begin` on, and the reference program.
  async whole(row) {
    const part = this.partOf(row);
    const [of, { begin, answers }, { referenceProgram }] = await Promise.all(
      [this.line(this.lineOf(row)), this.load(`${this.page.folder}/texts-${part}`), this.load(`${this.page.benchmark}/texts-${part}`)]);
    return { ...of(row), begin, answers, referenceProgram: referenceProgram[this.items.question[row] - part * this.questions.texts] };
  }

  async loadWords() {
    if (this.words.length) return;
    const { question } = this.items;
    const parts = await Promise.all([...new Set(question.map((_, row) => this.lineOf(row)))].map(async (part) => [part, await this.line(part)]));
    const byPart = new Map(parts);
    this.words = question.map((number, row) => {
      const { instruction, reference, call } = byPart.get(this.lineOf(row))(row);
      return [this.ids[number], instruction, reference, call].join("\n").toLowerCase();
    });
  }

  sorted(rows, order) {
    const name = order.replace(/^-/, "");
    const column = name === "length" ? this.items.length : this.items.scores.get(name.replace(/^score:/, ""));
    if (!name || !column) return rows;
    const { places, values } = column;
    const sign = order.startsWith("-") ? -1 : 1;
    const isKnown = (row) => values[places[row]] !== null;
    return rows.sort((a, b) => isKnown(b) - isKnown(a) || sign * (places[a] - places[b]) || a - b);
  }

  score(row, name) {
    return this.items.scores.get(name)?.at(row);
  }

  labels(row) {
    return [...this.items.labels].map(([name, column]) => [name, column.at(row)]).filter(([, label]) => label !== null);
  }

  nameOf(row) {
    const isSampled = this.items.sample.values.length > 1;
    return `${this.ids[this.items.question[row]]}${isSampled ? ` · ${this.items.sample.at(row)}` : ""}`;
  }

  // What names a row in the address, and the row that it names there; -1 if there is none.
  placeOf(row) {
    return { item: this.ids[this.items.question[row]], sample: String(this.items.sample.at(row)) };
  }

  rowAt({ item, sample }) {
    if (item === null) return -1;
    return this.items.question.findIndex((number, row) => this.ids[number] === item && String(this.items.sample.at(row)) === sample);
  }
}
