// Packed data -> frames with their whole state, and the rows of a question.

async function unpack(id) {
  const text = atob(byId(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

const EVENTS = { C: "call", L: "line", R: "return", E: "exception" };

function frame([event, at, values, gone, scope], lines, before) {
  const [text, file, line] = lines[at];
  const made = { event: EVENTS[event], text: text.replace(/\n$/, ""), file, line, scope, locals: null, argument: null };
  if (event === "R" || event === "E") return { ...made, argument: values ?? "" };
  made.locals = new Map(before ?? []);
  for (const name of gone) made.locals.delete(name);
  for (const [name, value] of Object.entries(values)) made.locals.set(name, value);
  made.changed = new Set(Object.keys(values));
  return made;
}

// Frames with their state in full; `depth` counts the calls that are open, `caller` is the frame that opened this one.
function replay(raw, lines) {
  const last = new Map();
  const open = [];
  return raw.map((item, index) => {
    const made = frame(item, lines, last.get(item[4]));
    if (made.locals !== null) last.set(made.scope, made.locals);
    if (made.event === "call") open.push(index);
    made.depth = Math.max(0, open.length - 1);
    made.calls = made.event === "call" || open.length > 0 ? open.slice() : [];
    if (made.event === "return") open.pop();
    return made;
  });
}

class Trace {
  constructor(data) {
    this.data = data;
    this.frames = replay(data.frames, data.lines);
    this.questions = ["tf", "fr"].filter((question) => data[question]);
    this.source = sourceOf(data);
    this.imagined = data.fr ? replay(data.fr.frames, data.lines) : [];
  }

  rows(question) {
    if (question) return this.data[question].rows;
    return this.frames.map((_, index) => [index, null, "?"]);
  }

  truth(row) {
    return row[0] === null ? null : this.frames[row[0]];
  }

  // The predicted frame, "end" where the model ended the trace, null where there is none.
  predicted(question, row) {
    const [, at, mark] = row;
    if (at === null || !question) return null;
    if (question === "fr") return this.imagined[at];
    if (mark === "=" || mark === "g") return this.frames[at];
    const choice = this.data.tf.choices[at];
    if (choice === undefined || choice === null || choice === "end") return choice ?? null;
    return frame(choice, this.data.lines, this.frames[at].locals);
  }

  said(question, number) {
    const found = question ? this.data[question].said[number] : undefined;
    if (!found) return null;
    const [kind, sentence, variables, problems, count] = found;
    return { kind, sentence, variables: new Map(variables.map(([name, ...values]) => [name, values])), problems, count };
  }
}
