// The list of tests. Only the rows in view exist.

const ROW = 58;
const SPARK = [104, 16];

const shareOf = (test) => test.values["tf.frame"] ?? test.values["fr.prefix"];
const ORDERS = {
  worst: (a, b) => (shareOf(a) ?? 2) - (shareOf(b) ?? 2) || b.divergences - a.divergences || (a.nodeid < b.nodeid ? -1 : 1),
  name: (a, b) => (a.nodeid < b.nodeid ? -1 : 1),
  frames: (a, b) => b.frames - a.frames || (a.nodeid < b.nodeid ? -1 : 1),
};

class TestList {
  constructor(tests, open) {
    this.all = tests;
    for (const test of tests)
      test.searched = [test.nodeid, test.outcome, ...(test.first ?? []), ...test.notes].join("\n").toLowerCase();
    this.open = open;
    this.node = byId("tests");
    this.space = byId("tests-space");
    this.shown = tests;
    this.current = null;
    this.rows = new Map();
    this.node.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.node);
    this.filter("", "worst");
  }

  // Every word must be found somewhere in the name, the outcome, the first divergence or a note.
  filter(text, order) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = this.all.filter((test) => words.every((word) => test.searched.includes(word))).sort(ORDERS[order]);
    const wrong = this.shown.filter((test) => test.divergences).length;
    byId("found").textContent = `${plural(this.shown.length, "test")}, ${wrong.toLocaleString("en")} ${wrong === 1 ? run.words.diverge_one : run.words.diverge_many}`;
    this.space.style.height = `${this.shown.length * ROW}px`;
    this.node.scrollTop = 0;
    this.redraw();
  }

  select(test, scroll = true) {
    this.current = test;
    const at = this.shown.indexOf(test);
    if (scroll && at >= 0) {
      const { scrollTop, clientHeight } = this.node;
      if (at * ROW < scrollTop) this.node.scrollTop = at * ROW;
      else if ((at + 1) * ROW > scrollTop + clientHeight) this.node.scrollTop = (at + 1) * ROW - clientHeight;
    }
    this.redraw();
  }

  neighbour(step) {
    if (!this.shown.length) return null;
    const at = this.shown.indexOf(this.current);
    if (at < 0) return this.shown[step > 0 ? 0 : this.shown.length - 1];
    return this.shown[Math.min(this.shown.length - 1, Math.max(0, at + step))];
  }

  redraw() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.draw();
  }

  draw() {
    const from = Math.max(0, Math.floor(this.node.scrollTop / ROW) - 2);
    const to = Math.min(this.shown.length, Math.ceil((this.node.scrollTop + this.node.clientHeight) / ROW) + 2);
    for (const [at, row] of this.rows)
      if (at < from || at >= to) {
        row.remove();
        this.rows.delete(at);
      }
    for (let at = from; at < to; at += 1) if (!this.rows.has(at)) this.rows.set(at, this.row(at));
    const current = this.shown.indexOf(this.current);
    if (this.rows.has(current)) this.node.setAttribute("aria-activedescendant", `row-${current}`);
    else this.node.removeAttribute("aria-activedescendant");
  }

  row(at) {
    const test = this.shown[at];
    const [file, ...names] = test.nodeid.split("::");
    const marks = test.marks.tf ?? test.marks.fr ?? "";
    const canvas = element("canvas", { class: "spark", "aria-hidden": "true", width: 1, height: 1 });
    if (marks) sparkline(canvas, marks, ...SPARK);
    const share = shareOf(test);
    const row = element(
      "div",
      {
        class: `test-row ${test.outcome}${test === this.current ? " current" : ""}`,
        role: "option",
        id: `row-${at}`,
        "aria-selected": test === this.current ? "true" : "false",
        "aria-label": `${test.nodeid}, ${test.outcome}, ${percent(share)} ${run.words.share}, ${plural(test.divergences, "divergence")}`,
        title: visible(test.first ? `${test.nodeid}\n${test.first[2]}` : test.nodeid),
        onclick: () => this.open(test),
      },
      element("span", { class: "dot" }),
      element("span", { class: "name", text: visible(names.join(" › ") || file) }),
      element("span", { class: `share${share === 1 ? " perfect" : ""}`, text: percent(share) }),
      element("span", { class: "file dim", text: visible(basename(file)) }),
      canvas,
    );
    row.style.transform = `translateY(${at * ROW}px)`;
    this.node.append(row);
    return row;
  }
}
