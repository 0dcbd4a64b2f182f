// The source that is known: lines of files, with the lines that frames stand on.

function sourceOf(data) {
  const files = new Map();
  const put = (file, number, text) => {
    if (!files.has(file)) files.set(file, new Map());
    if (!files.get(file).has(number)) files.get(file).set(number, text);
  };
  for (const [file, first, lines] of data.source) lines.forEach((text, step) => put(file, first + step, text));
  for (const [text, file, line] of data.lines) if (file && line) put(file, line, text.replace(/\n$/, ""));
  for (const [file, lines] of files) files.set(file, new Map([...lines].sort(([a], [b]) => a - b)));
  return files;
}

const bare = (text) => text.replace(/\s*# << START_OF_TRACE\s*$/, "").trimEnd();

// Where a frame stands: a model names no line, so its text is looked for, nearest to the true frame first.
function placeOf(source, frame, near) {
  if (frame.file && frame.line) return { file: frame.file, line: frame.line, among: 1 };
  const wanted = bare(frame.text);
  const found = [];
  for (const [file, lines] of source)
    for (const [line, text] of lines) if (bare(text) === wanted) found.push({ file, line });
  const distance = ({ file, line }) => (near && file === near.file ? Math.abs(line - near.line) : 1e6 + line);
  found.sort((a, b) => distance(a) - distance(b));
  return found.length ? { ...found[0], among: found.length } : null;
}

// One side's view of the source. It is drawn once per file; then only the current line moves.
class SourceView {
  constructor(node) {
    this.node = node;
    this.file = undefined;
  }

  reset(source, faults) {
    this.source = source;
    this.faults = faults;
    this.file = undefined;
  }

  // A frame on a line that is nowhere in the source is shown as a line of its own, below the one that ran.
  show(place, frame, style, near) {
    const at = place ?? near;
    if (at?.file && at.file !== this.file) this.draw(at.file);
    if (!at?.file) this.draw(undefined);
    this.node.querySelector(".ghost")?.remove();
    this.node.querySelector(".now")?.classList.remove("now", "same", "differs");
    let line = this.lines.get(at?.line);
    if (place === null) {
      if (frame) {
        const ghost = element(
          "div",
          { class: `line now ghost ${style}` },
          element("span", { class: "number", text: "?" }),
          element("span", { class: "never" }),
          element("span", { class: "code" }, ...code(frame.text)),
        );
        if (line) line.after(ghost);
        else this.node.append(ghost);
        line = ghost;
      }
    } else line?.classList.add("now", style);
    if (!line) return;
    const [top, bottom] = [this.node.scrollTop + 40, this.node.scrollTop + this.node.clientHeight - 48];
    if (line.offsetTop < top || line.offsetTop > bottom)
      this.node.scrollTop = line.offsetTop - this.node.clientHeight * 0.4;
  }

  draw(file) {
    this.file = file;
    this.lines = new Map();
    const drawn = [];
    let before = null;
    for (const [number, text] of this.source.get(file) ?? []) {
      if (before !== null && number !== before + 1) drawn.push(element("div", { class: "gap", text: "⋯" }));
      before = number;
      const fault = this.faults.get(`${file}:${number}`);
      const line = element(
        "div",
        { class: "line" },
        element("span", { class: "number", text: String(number) }),
        element("span", {
          class: fault ? (fault.wrong ? "fault" : "fine") : "never",
          title: fault ? `${fault.right} of ${fault.right + fault.wrong} frames here predicted` : null,
        }),
        element("span", { class: "code" }, ...code(text)),
      );
      this.lines.set(number, line);
      drawn.push(line);
    }
    this.node.replaceChildren(...drawn);
  }
}

// For each line of the source how often the prediction was right there and how often wrong.
function faultsOf(trace, question) {
  const faults = new Map();
  for (const row of trace.rows(question)) {
    const truth = trace.truth(row);
    if (!truth || !truth.file || row[2] === "g" || row[2] === "?") continue;
    const key = `${truth.file}:${truth.line}`;
    if (!faults.has(key)) faults.set(key, { right: 0, wrong: 0 });
    faults.get(key)[row[2] === "=" ? "right" : "wrong"] += 1;
  }
  return faults;
}
