// The run as a whole: figures, bounds, notes, and where it was made.

function overview(run, tests) {
  const wrong = tests.filter((test) => test.divergences).length;
  const parts = [
    element("h1", { text: "Overview" }),
    element("p", { class: "lead", text: `${plural(tests.length, "test")} with ${plural(tests.reduce((sum, test) => sum + test.frames, 0), "frame")}; ${run.words.lead.replace("{count}", wrong.toLocaleString("en")).replace("{name}", visible(run.name))}` }),
    ...(run.gates.length ? [gates(run.gates)] : []),
    run.totals.length ? totals(run.totals.filter((row) => !row[5])) : element("p", { class: "dim", text: run.words.nothing }),
    run.totals.some((row) => row[5])
      ? element("details", { class: "more" }, element("summary", { text: "more figures" }), totals(run.totals.filter((row) => row[5])))
      : null,
  ];
  byId("overview-top").replaceChildren(...parts.filter((part) => part !== null));
  byId("overview-rest").replaceChildren(
    ...(run.notes.length ? [element("h2", { text: "Notes" }), element("ul", { class: "plain" }, ...run.notes.map((text) => element("li", { text: visible(text) })))] : []),
    element("h2", { text: "Run" }),
    facts({ ...run.model, ...run.environment, ...run.settings, ...run.run }),
  );
}

function totals(rows) {
  return element(
    "table",
    { class: "totals" },
    element("thead", {}, element("tr", {}, ...["metric", "value", "", "count", "of"].map((text) => element("th", { scope: "col", text })))),
    element("tbody", {}, ...rows.map(([name, value, count, counted, rate]) => {
      const meter = element("span", { class: "meter" }, element("span", {}));
      if (rate) meter.firstChild.style.width = `${value * 100}%`;
      return element(
        "tr",
        {},
        element("th", { scope: "row", text: visible(name) }),
        element("td", { class: "figure", text: value === null ? "∞" : rate ? `${(Math.floor(value * 1000 + 1e-9) / 10).toFixed(1)}%` : value.toFixed(2) }),
        element("td", {}, rate ? meter : null),
        element("td", { class: "figure dim", text: count }),
        element("td", { class: "dim", text: counted }),
      );
    })),
  );
}

function gates(all) {
  return element("ul", { class: "gates" }, ...all.map(([passed, text, nodeid]) =>
    element("li", { class: passed ? "held" : "broken" }, element("b", { text: passed ? "held" : "not held" }), visible(` ${nodeid ? `${nodeid}: ` : ""}${text}`))));
}

function facts(values) {
  const shown = Object.entries(values).filter(([, value]) => value !== null && value !== "" && !(typeof value === "object" && !Object.keys(value).length));
  return element("dl", { class: "run" }, ...shown.flatMap(([name, value]) => [
    element("dt", { text: visible(name.replaceAll("_", " ")) }),
    element("dd", { text: visible(typeof value === "object" ? JSON.stringify(value) : String(value)) }),
  ]));
}
