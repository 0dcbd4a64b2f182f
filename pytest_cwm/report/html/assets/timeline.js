// Marks over time, as a sparkline in the list of tests and as the timeline that the scrubber lies on.

const STYLES = { "=": "right", g: "right", v: "value", c: "flow", f: "malformed", "?": "unknown" };
const SEVERITY = { g: 0, "=": 0, "?": 1, v: 2, f: 3, c: 4 };
const DRAWN = ["right", "value", "flow", "malformed", "unknown", "depth", "accent", "found"];
let palette = {};

// A registered property is read as the colour that it is in the present theme, another as the text of its rule.
for (const name of DRAWN) {
  CSS.registerProperty({ name: `--${name}`, syntax: "<color>", inherits: true, initialValue: "transparent" });
}

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  palette = Object.fromEntries(DRAWN.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

// A drawing surface in CSS pixels, sharp on any screen.
function surface(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  return context;
}

// For each of `cells` the worst mark in it and the share of frames that are wrong.
function gathered(marks, cells) {
  const count = Math.min(cells, marks.length);
  return Array.from({ length: count }, (_, cell) => {
    const from = Math.floor((cell * marks.length) / count);
    const to = Math.max(from + 1, Math.floor(((cell + 1) * marks.length) / count));
    let worst = marks[from];
    let wrong = 0;
    for (let index = from; index < to; index += 1) {
      if (SEVERITY[marks[index]] > SEVERITY[worst]) worst = marks[index];
      if (SEVERITY[marks[index]] > 1) wrong += 1;
    }
    return { mark: worst, wrong: wrong / (to - from) };
  });
}

function drawMarks(context, marks, left, top, width, height, gap) {
  const cells = gathered(marks, Math.floor(width / (gap + 1)));
  const wide = width / Math.max(1, cells.length);
  cells.forEach(({ mark, wrong }, cell) => {
    context.fillStyle = palette[STYLES[mark]];
    const tall = SEVERITY[mark] === 0 ? Math.max(2, height * 0.28) : SEVERITY[mark] === 1 ? 2 : height * (0.5 + wrong / 2);
    const space = wide > gap + 2 ? gap : 0;
    context.fillRect(left + cell * wide, top + height - tall, Math.max(0.75, wide - space), tall);
  });
}

function sparkline(canvas, marks, width, height) {
  drawMarks(surface(canvas, width, height), marks, 0, 0, width, height, marks.length * 3 <= width ? 1 : 0);
}

class Timeline {
  constructor(canvas, scrubber) {
    this.canvas = canvas;
    this.scrubber = scrubber;
    this.found = [];
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  show(trace, question) {
    this.marks = trace.rows(question).map((row) => row[2]);
    const depths = trace.rows(question).map((row) => trace.truth(row)?.depth ?? null);
    let before = 0;
    this.depths = depths.map((depth) => (before = depth ?? before));
    this.found = [];
    this.scrubber.max = Math.max(0, this.marks.length - 1);
    this.draw();
  }

  move(step) {
    this.step = step;
    this.scrubber.value = step;
    this.draw();
  }

  draw() {
    if (!this.marks) return;
    const width = this.canvas.parentElement.clientWidth;
    if (!width) return;
    const height = 72;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = surface(this.canvas, width, height);
    const count = this.marks.length;
    const at = (step) => ((step + 0.5) / count) * width;
    this.drawDepth(context, width, height, at);
    drawMarks(context, this.marks, 0, 30, width, height - 34, count * 4 <= width ? Math.min(3, width / count / 4) : 0);
    context.fillStyle = palette.found;
    for (const step of this.found) context.fillRect(at(step) - 1, height - 3, 2, 3);
    if (this.step === undefined) return;
    const cell = Math.max(2, Math.min(width / count, 14));
    context.fillStyle = palette.accent;
    context.globalAlpha = 0.16;
    context.fillRect(at(this.step) - cell / 2, 0, cell, height);
    context.globalAlpha = 1;
    context.fillRect(at(this.step) - 1, 0, 2, height);
    context.beginPath();
    context.arc(at(this.step), 4, 4, 0, 2 * Math.PI);
    context.fill();
  }

  drawDepth(context, width, height, at) {
    const deepest = Math.max(1, ...this.depthCells(width));
    const cells = this.depthCells(width);
    context.fillStyle = palette.depth;
    cells.forEach((depth, cell) => {
      const tall = 4 + (depth / deepest) * 22;
      context.fillRect((cell / cells.length) * width, 34 - tall, width / cells.length + 0.5, tall);
    });
  }

  depthCells(width) {
    const count = Math.min(this.depths.length, Math.max(1, Math.floor(width / 2)));
    return Array.from({ length: count }, (_, cell) => this.depths[Math.floor((cell * this.depths.length) / count)]);
  }
}
