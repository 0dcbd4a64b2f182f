// Elements and text. Nothing from the report ever becomes markup: it is only set as text.

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Control and bidirectional characters are shown, not acted on.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;
const visible = (text) =>
  text.replace(HIDDEN, (char) => {
    const code = char.codePointAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });

const TOKENS =
  /(?<comment>#.*)|(?<string>[rbfuRBFU]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?))|(?<number>\b\d[\w.]*)|(?<keyword>\b(?:False|None|True|and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)/g;

// One line of Python, with its tokens told apart.
function code(text) {
  const shown = visible(text);
  const parts = [];
  let end = 0;
  for (const match of shown.matchAll(TOKENS)) {
    parts.push(shown.slice(end, match.index));
    const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    parts.push(element("span", { class: kind, text: match[0] }));
    end = match.index + match[0].length;
  }
  parts.push(shown.slice(end));
  return parts.filter((part) => part !== "");
}

// Two values as text, each with the stretch marked in which they differ.
function marked(ours, theirs) {
  if (theirs === null || theirs === undefined || ours === theirs) return [visible(ours)];
  const shortest = Math.min(ours.length, theirs.length);
  let head = 0;
  while (head < shortest && ours[head] === theirs[head]) head += 1;
  let tail = 0;
  while (tail < shortest - head && ours[ours.length - 1 - tail] === theirs[theirs.length - 1 - tail]) tail += 1;
  const middle = ours.slice(head, ours.length - tail);
  const parts = [visible(ours.slice(0, head))];
  if (middle !== "") parts.push(element("mark", { text: visible(middle) }));
  parts.push(visible(ours.slice(ours.length - tail)));
  return parts.filter((part) => part !== "");
}

// Rounded down, so that only a perfect rate is 100%.
function percent(value) {
  if (value === undefined || value === null) return "–";
  return value > 0 && value < 0.01 ? "<1%" : `${Math.floor(value * 100 + 1e-9)}%`;
}

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const basename = (file) => (file ?? "").replaceAll("\\", "/").split("/").pop();
