// Which rows of a RunData the filters leave, and how many each further choice would leave.
const NATURAL = new Intl.Collator("en", { numeric: true });

class Filters {
  // `facets` are the filters by a value: each has its name in the address and, once the data is loaded, its column, and
  // of each value there the key in the address, the title, and the places in the order of the titles.
  constructor(data, names) {
    this.data = data;
    this.facets = names.map((name) => ({ name, column: null, keys: [], titles: [], order: [] }));
    // The rows that the words of the latest search are in.
    this.hits = { key: "", rows: null };
  }

  begin() {
    const { items, questions, count } = this.data;
    const byQuestion = (column) => ({ values: column.values, places: items.question.map((number) => column.places[number]) });
    const columns = {
      stage: items.stage,
      unfinished: { values: ["no", "yes"], places: items.unfinished.places.map((place) => items.unfinished.values[place] !== null) },
      domain: byQuestion(questions.domain),
      api: byQuestion(questions.api),
      ...Object.fromEntries([...items.labels].map(([name, column]) => [`label:${name}`, column])),
    };
    for (const facet of this.facets) {
      facet.column = Object.hasOwn(columns, facet.name) ? columns[facet.name] : { values: [null], places: new Int32Array(count) };
      facet.keys = facet.column.values.map(facetKey);
      facet.titles = facet.column.values.map((value) => Filters.title(facet, value));
      facet.order = facet.titles.map((_, place) => place).sort((a, b) => NATURAL.compare(facet.titles[a], facet.titles[b]));
    }
  }

  static title(facet, value) {
    if (facet.name === "stage") return value === null ? "not executed" : `${value}: ${RUNGS[value] ?? ""}`;
    return value === null ? "none" : plainly(String(value)) || "(empty)";
  }

  // Each filter as a function of a row; null for one that is not set.
  facetTest(state, facet) {
    const wanted = state.facet[facet.name];
    if (wanted === null) return null;
    const place = facet.keys.indexOf(wanted);
    const { places } = facet.column;
    return (row) => places[row] === place;
  }

  scoreTest({ score }) {
    if (!score) return null;
    const column = this.data.items.scores.get(score.name);
    if (!column) return () => false;
    const low = score.low === "" ? -Infinity : Number(score.low);
    const high = score.high === "" ? Infinity : Number(score.high);
    const isIn = column.values.map((value) => typeof value === "number" && value >= low && value <= high);
    return (row) => isIn[column.places[row]];
  }

  wordTest({ text }) {
    return this.hits.rows && text.trim() ? (row) => this.hits.rows[row] : null;
  }

  tests(state) {
    return [...this.facets.map((facet) => this.facetTest(state, facet)), this.scoreTest(state)].filter(Boolean);
  }

  rowsWhere(tests) {
    const rows = [];
    for (let row = 0; row < this.data.count; row += 1) if (tests.every((test) => test(row))) rows.push(row);
    return rows;
  }

  matching(state) {
    return this.rowsWhere([...this.tests(state), this.wordTest(state)].filter(Boolean));
  }

  // How many rows each choice of each facet would leave, other filters as they are.
  counts(state) {
    const { count } = this.data;
    const fails = new Uint8Array(count);
    const tests = this.facets.map((facet) => this.facetTest(state, facet));
    const others = [this.scoreTest(state), this.wordTest(state)].filter(Boolean);
    const failing = new Int32Array(count).fill(-1);
    for (let row = 0; row < count; row += 1) {
      for (const test of others) if (!test(row)) fails[row] = 2;
      tests.forEach((test, at) => {
        if (!test || test(row)) return;
        fails[row] += 1;
        failing[row] = at;
      });
    }
    return this.facets.map((facet, at) => {
      const counts = new Uint32Array(facet.column.values.length);
      for (let row = 0; row < count; row += 1) if (fails[row] === 0 || (fails[row] === 1 && failing[row] === at)) counts[facet.column.places[row]] += 1;
      return counts;
    });
  }

  // Looks for the words of a state, of which `isLatest` says whether it still is the latest; false if it is not.
  async findWords(state, isLatest, say) {
    const { data } = this;
    const term = state.text.trim().toLowerCase();
    const name = `${state.whole} ${term}`;
    if (!term || this.hits.key === name) return true;
    await data.loadWords();
    const rows = new Uint8Array(data.count);
    for (let row = 0; row < data.count; row += 1) rows[row] = data.words[row].includes(term);
    if (state.whole && !(await this.#findInTexts(state, term, rows, isLatest, say))) return false;
    if (!isLatest()) return false;
    this.hits = { key: name, rows };
    return true;
  }

  async #findInTexts(state, term, rows, isLatest, say) {
    const { data } = this;
    const open = this.rowsWhere(this.tests(state)).filter((row) => !rows[row]);
    const parts = [...new Set(open.map((row) => data.partOf(row)))];
    for (const [at, part] of parts.entries()) {
      say(`Searching the answers: ${at} of ${parts.length} files read.`);
      const { begin, answers } = await data.load(`${data.page.folder}/texts-${part}`);
      if (!isLatest()) return false;
      answers.forEach((answer, place) => {
        rows[begin + place] ||= Filters.textOf(answer).toLowerCase().includes(term);
      });
    }
    return true;
  }

  static textOf({ text, program, reasoning, document: retrieved, messages, verdict }) {
    const strings = (value) => (value === null || typeof value !== "object" ? [String(value ?? "")] : Object.values(value).map(strings));
    return [text, program, reasoning, retrieved, strings(messages), strings(verdict)].flat(Infinity).join("\n");
  }
}
