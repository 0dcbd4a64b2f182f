// One moment of one test: the verdict, the open calls, both sides of the source, and the variables.

const verdictOf = (mark) =>
  ({
    "=": ["right", run.words.right, run.words.right_long],
    g: ["given", "given", run.words.given],
    "?": ["unknown", run.words.unknown, run.words.unknown_long],
  })[mark];
const LONG = 2000;

class Moment {
  constructor() {
    this.ran = new SourceView(byId("ran-source"));
    this.told = new SourceView(byId("told-source"));
  }

  reset(trace, question) {
    this.trace = trace;
    this.question = question;
    const faults = faultsOf(trace, question);
    this.ran.reset(trace.source, faults);
    this.told.reset(trace.source, faults);
  }

  show(number) {
    const row = this.trace.rows(this.question)[number];
    const truth = this.trace.truth(row);
    const predicted = this.trace.predicted(this.question, row);
    const said = this.trace.said(this.question, number);
    this.verdict(row, said, number);
    this.stack(truth ?? predicted);
    const near = truth ?? this.trace.truth(this.trace.rows(this.question).slice(0, number).findLast((each) => each[0] !== null) ?? [null]);
    const same = row[2] === "=" || row[2] === "g";
    this.side("ran", this.ran, truth, near, same ? "same" : "differs");
    this.side("told", this.told, predicted, near, same ? "same" : "differs");
    this.values(row, truth, predicted, said);
  }

  verdict([, , mark], said, number) {
    const [style, kind, sentence] = said
      ? [STYLES[mark], run.words.kinds[said.kind] ?? said.kind, said.sentence]
      : (verdictOf(mark) ?? [STYLES[mark], run.words.part, run.words.part_long]);
    const tenths = this.question === "tf" ? this.trace.data.tf.bits[number] : null;
    const bits = tenths === null || tenths === undefined ? null : `surprise ${(tenths / 10).toFixed(1)} bits`;
    byId("verdict").className = `verdict ${style}`;
    byId("verdict").replaceChildren(
      element("b", { class: "kind", text: kind }),
      element("span", { class: "sentence", text: visible(sentence) }),
      element("span", { class: "bits dim", text: bits ?? "" }),
      ...(said?.problems ?? []).filter((problem) => !said.sentence.includes(problem.slice(0, 24))).map((problem) =>
        element("span", { class: "problem", text: visible(problem) }),
      ),
    );
  }

  stack(frame) {
    const names = (frame?.calls ?? []).map((index) => {
      const text = this.trace.frames[index]?.text ?? "";
      return text.match(/\b(?:def|class)\s+([^\s(:]+)/)?.[1] ?? (text.includes("lambda") ? "lambda" : "…");
    });
    const shown = names.length > 7 ? [...names.slice(0, 2), `… ${names.length - 6} more …`, ...names.slice(-4)] : names;
    byId("stack").textContent = visible(shown.join(" › "));
  }

  side(name, view, found, near, style) {
    const place = byId(`${name}-place`);
    if (found === null || found === "end") {
      place.textContent = found === "end" ? run.words.end : "nothing here";
      view.show(null, null, style, near);
      return;
    }
    const at = placeOf(this.trace.source, found, near);
    const where = at ? `${at.file}:${at.line}${at.among > 1 ? ` (one of ${at.among} such lines)` : ""}` : "no line of the known source";
    place.textContent = visible(`${found.event} · ${where}`);
    view.show(at, found, style, near);
  }

  values(row, truth, predicted, said) {
    const told = predicted === "end" ? null : predicted;
    const rows = truth?.event === told?.event || !truth || !told ? this.rowsOf(truth ?? told, truth, told, said) : [
      ...this.rowsOf(truth, truth, null, null),
      ...this.rowsOf(told, null, told, null).filter(({ name, told: value }) => truth.locals?.get(name) !== value || truth.locals === null),
    ];
    const merged = new Map();
    for (const each of rows) merged.set(each.name, merged.has(each.name) ? { ...merged.get(each.name), told: each.told ?? merged.get(each.name).told } : each);
    if (truth && told && truth.event !== told.event && truth.locals && told.locals)
      for (const each of merged.values()) each.told ??= told.locals.get(each.name) ?? null;
    const none = row[1] === null;
    byId("values").replaceChildren(...[...merged.values()].map((each) => this.valueRow(each, none)));
    byId("no-values").textContent = merged.size ? "" : "No local variables yet.";
  }

  rowsOf(shown, truth, told, said) {
    if (!shown) return [];
    if (shown.argument !== null) {
      const name = shown.event === "return" ? "returns" : "raises";
      return [{ name, ran: truth?.argument ?? null, told: told?.argument ?? null, word: true, differs: truth && told && (said ? true : false) }];
    }
    const names = [...new Set([...(truth?.locals?.keys() ?? []), ...(told?.locals?.keys() ?? [])])];
    const known = said && said.variables.size > 0;
    return names.map((name) => {
      const [ran, predicted] = [truth?.locals?.get(name) ?? null, told?.locals?.get(name) ?? null];
      const differs = truth && told && (known ? said.variables.has(name) : said !== null && ran !== predicted);
      return { name, ran, told: predicted, differs, changed: truth?.changed?.has(name) };
    });
  }

  valueRow({ name, ran, told, word, differs, changed }, none) {
    const same = ran === told;
    const missing = () => element("span", { class: "dim", text: word ? "–" : "not there" });
    const shown = (value, other) =>
      value === null ? missing() : element("code", {}, ...(differs ? marked(cut(value), other === null ? null : cut(other)) : [visible(cut(value))]));
    return element(
      "tr",
      { class: `${differs ? "differs" : ""}${word ? " word" : ""}` },
      element("th", { scope: "row", title: changed ? "new or changed in this frame" : null },
        element("span", { class: changed ? "changed" : "unchanged" }), visible(name)),
      element("td", {}, shown(ran, told)),
      element("td", {}, none ? element("span", { class: "dim", text: "–" }) : same ? element("span", { class: "dim", text: "the same" }) : shown(told, ran)),
    );
  }
}

const cut = (value) => (value.length > LONG ? `${value.slice(0, LONG)}… (${value.length.toLocaleString("en")} characters)` : value);
