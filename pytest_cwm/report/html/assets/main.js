// State, the address, and the keyboard.

const state = { test: null, trace: null, question: null, step: 0 };
let run, tests, list, timeline, moment;

async function start() {
  [run, tests] = await Promise.all([unpack("run"), unpack("index")]);
  tests.forEach((test, number) => (test.number = number));
  theme(stored("theme"));
  byId("loading").remove();
  byId("app").hidden = false;
  readPalette();
  byId("model").textContent = visible(run.label);
  byId("headline").textContent = visible(run.headline);
  overview(run, tests);
  list = new TestList(tests, (test) => go({ test }));
  timeline = new Timeline(byId("timeline"), byId("scrubber"));
  moment = new Moment();
  listen();
  await follow();
  document.documentElement.dataset.ready = "true";
}

// -- where we are, and how it stands in the address

async function follow() {
  const address = new URLSearchParams(location.hash.slice(1));
  const test = tests.find((each) => each.nodeid === address.get("test"));
  if (!test) return showOverview();
  await show(test, address.get("view"), address.has("step") ? Number(address.get("step")) : null);
}

function address() {
  if (!state.test) return "#";
  const parts = { test: state.test.nodeid, step: state.step };
  if (state.question && state.trace.questions.length > 1) parts.view = state.question;
  return `#${new URLSearchParams(parts)}`;
}

async function go({ test = state.test, question = state.question, step = null }) {
  await show(test, question, step);
  history.pushState(null, "", address());
}

function showOverview() {
  Object.assign(state, { test: null, trace: null });
  byId("overview").hidden = false;
  byId("test").hidden = true;
  byId("main").scrollTop = 0;
  list.select(null);
  document.title = run.title;
}

async function show(test, question, step) {
  const data = await unpack(`test-${test.number}`);
  state.test = test;
  state.trace = data && new Trace(data);
  list.select(test);
  byId("overview").hidden = true;
  byId("test").hidden = false;
  document.title = `${test.nodeid} · ${run.title}`;
  head(test, data);
  byId("test").classList.toggle("empty", !data);
  if (!data) return;
  state.question = state.trace.questions.includes(question) ? question : (state.trace.questions[0] ?? null);
  questions();
  timeline.show(state.trace, state.question);
  moment.reset(state.trace, state.question);
  byId("find").value = "";
  find();
  move(step ?? firstDivergence());
}

function head(test, data) {
  const [file, ...names] = test.nodeid.split("::");
  byId("test-name").replaceChildren(
    element("span", { class: `badge ${test.outcome}`, text: test.outcome }),
    element("span", { text: visible(names.join(" › ") || file) }),
    element("span", { class: "dim file", text: visible(names.length ? file : "") }),
  );
  const shown = Object.entries(test.values).map(([name, value]) =>
    element("span", { class: "fact", title: name }, element("b", { text: name === "tf.bits" ? value.toFixed(1) : percent(value) }), ` ${name}`),
  );
  byId("test-facts").replaceChildren(...shown);
  const notes = [...test.notes, ...(data ? [] : ["There is nothing to show of this test."])];
  byId("test-notes").replaceChildren(...notes.map((note) => element("p", { text: visible(note) })));
}

function questions() {
  byId("questions").replaceChildren(
    ...(state.trace.questions.length > 1 || run.words.questions.tf ? state.trace.questions : []).map((question) =>
      element("button", {
        type: "button",
        "aria-pressed": question === state.question ? "true" : "false",
        text: run.words.questions[question],
        title: state.trace.questions.length > 1 ? "the other question (q)" : null,
        onclick: () => go({ question }),
      }),
    ),
  );
}

// -- moving through time

const rows = () => state.trace.rows(state.question);
const diverges = (number) => state.trace.said(state.question, number) !== null;

function firstDivergence() {
  const found = rows().findIndex((_, number) => diverges(number));
  return found < 0 ? 0 : found;
}

function move(step) {
  if (!state.trace) return;
  const last = rows().length - 1;
  state.step = Math.min(last, Math.max(0, Number.isFinite(step) ? Math.trunc(step) : 0));
  moment.show(state.step);
  timeline.move(state.step);
  byId("step").textContent = `step ${state.step} of ${last}`;
  byId("scrubber").setAttribute("aria-valuetext", `step ${state.step} of ${last}: ${byId("verdict").innerText}`);
  const before = rows().slice(0, state.step).some((_, number) => diverges(number));
  const after = rows().some((_, number) => number > state.step && diverges(number));
  byId("back").disabled = byId("first").disabled = state.step === 0;
  byId("forward").disabled = byId("last").disabled = state.step === last;
  byId("previous-divergence").disabled = !before;
  byId("next-divergence").disabled = !after;
  if (location.hash !== address()) history.replaceState(null, "", address());
}

function seek(direction, wanted) {
  for (let step = state.step + direction; step >= 0 && step < rows().length; step += direction)
    if (wanted(step)) return move(step);
}

const here = (step) => state.trace.truth(rows()[step]) ?? state.trace.predicted(state.question, rows()[step]);
const out = () => seek(1, (step) => here(step)?.event === "return" && here(step).depth <= here(state.step).depth);
const over = () => seek(1, (step) => here(step) && here(step).depth <= here(state.step).depth);

function find() {
  const text = byId("find").value.toLowerCase();
  timeline.found = [];
  if (text && state.trace) {
    const within = (frame) =>
      frame && frame !== "end" &&
      [frame.text, frame.argument ?? "", ...[...(frame.changed ?? [])].flatMap((name) => [name, frame.locals.get(name)])].some((each) => each.toLowerCase().includes(text));
    rows().forEach((row, number) => {
      if (within(state.trace.truth(row)) || (row[2] !== "=" && within(state.trace.predicted(state.question, row)))) timeline.found.push(number);
    });
  }
  byId("find-count").textContent = text ? plural(timeline.found.length, "place") : "";
  timeline.draw();
}

function nextFound(direction) {
  const found = direction > 0 ? timeline.found : [...timeline.found].reverse();
  const next = found.find((step) => (step - state.step) * direction > 0) ?? found[0];
  if (next !== undefined) move(next);
}

// -- what the user does

function theme(name) {
  if (name === "light" || name === "dark") document.documentElement.dataset.theme = name;
}

function stored(name) {
  try {
    return localStorage.getItem(`pytest-cwm ${name}`);
  } catch {
    return null; // a page opened from a file may have no storage
  }
}

function toggleTheme() {
  const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  theme(dark === "dark" ? "light" : "dark");
  try {
    localStorage.setItem("pytest-cwm theme", document.documentElement.dataset.theme);
  } catch {
    // it holds for this page only, then
  }
  repaint();
}

function repaint() {
  readPalette();
  list.redraw();
  timeline.draw();
}

const neighbour = (step) => {
  const test = list.neighbour(step);
  if (test && test !== state.test) go({ test });
};
const toOverview = () => {
  showOverview();
  history.pushState(null, "", "#");
};
const focus = (id) => {
  byId(id).focus();
  byId(id).select();
};
const TIME = {
  ArrowLeft: (event) => move(state.step - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => move(state.step + (event.shiftKey ? 10 : 1)),
  Home: () => move(0),
  End: () => move(rows().length - 1),
  n: () => seek(1, diverges),
  p: () => seek(-1, diverges),
  u: out,
  s: over,
  f: () => focus("find"),
  q: () => {
    const [first, second] = state.trace.questions;
    if (second) go({ question: state.question === first ? second : first });
  },
};
const ANYWHERE = {
  j: () => neighbour(1),
  k: () => neighbour(-1),
  o: toOverview,
  d: toggleTheme,
  "/": () => focus("search"),
  "?": () => byId("help").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const typing = event.target instanceof Element && event.target.matches("input[type=search], select");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.target === byId("tests") && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    return neighbour(event.key === "ArrowDown" ? 1 : -1);
  }
  const act = ANYWHERE[event.key] ?? (state.trace ? TIME[event.key] : undefined);
  if (!act) return;
  event.preventDefault();
  act(event);
}

function listen() {
  const click = (id, act) => byId(id).addEventListener("click", act);
  click("to-overview", toOverview);
  click("to-help", () => byId("help").showModal());
  click("theme", toggleTheme);
  click("first", () => move(0));
  click("last", () => move(rows().length - 1));
  click("back", () => move(state.step - 1));
  click("forward", () => move(state.step + 1));
  click("previous-divergence", () => seek(-1, diverges));
  click("next-divergence", () => seek(1, diverges));
  byId("scrubber").addEventListener("input", () => move(Number(byId("scrubber").value)));
  const filter = () => list.filter(byId("search").value, byId("order").value);
  byId("search").addEventListener("input", filter);
  byId("order").addEventListener("change", filter);
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && list.shown.length) {
      byId("search").blur();
      go({ test: list.shown[0] });
    }
  });
  byId("find").addEventListener("input", find);
  byId("find").addEventListener("keydown", (event) => {
    if (event.key === "Enter") nextFound(event.shiftKey ? -1 : 1);
  });
  document.addEventListener("keydown", pressed);
  window.addEventListener("popstate", follow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

start().catch((error) => {
  byId("loading")?.replaceChildren(`This report can't be opened: ${error.message}`);
  throw error;
});
