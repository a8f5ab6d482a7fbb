// A form made from a model's JSON schema: the ranges are the model's own, and so are the words about a wrong value.

import { say } from "./words.js";

/** Flatten a schema into fields. `optional`: inside of an object that may be none as a whole. */
export function fieldsOf(schema, prefix = []) {
  return Object.entries(schema.properties).flatMap(([name, each]) => {
    const options = each.anyOf ?? [each];
    const inner = options.find((option) => option.type !== "null");
    const path = [...prefix, name];
    if (inner.properties) {
      const optional = options.length > 1;
      return fieldsOf(inner, path).map((field) => ({ ...field, optional, about: field.about || (optional && each.description) || "" }));
    }
    const numeric = inner.type === "number" || inner.type === "integer";
    const text = inner.type === "string" && options.length === 1; // an empty one is text, too
    return [{ path, kind: kindOf(inner), numeric, text, choices: inner.enum, slider: sliderOf(inner), about: each.description ?? "", hint: hintOf(inner, each) }];
  });
}

function kindOf(schema) {
  if (schema.enum) return "choice";
  return schema.type === "boolean" ? "switch" : "text";
}

function sliderOf(schema) {
  return schema.type === "number" && schema.minimum === 0 && schema.maximum === 1;
}

function hintOf(schema, outer) {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 6 });
  const parts = [];
  if (low !== undefined && high !== undefined && high < 1e15) {
    parts.push(`${schema.exclusiveMinimum === undefined ? "" : "above "}${number(low)} to ${schema.exclusiveMaximum === undefined ? "" : "below "}${number(high)}`);
  } else if (low !== undefined) parts.push(`from ${number(low)}`);
  if (outer.default !== undefined && schema.type !== "boolean") parts.push(`default ${outer.default ?? "none"}`);
  const hint = parts.join(", ");
  return schema.type === "string" ? hint : hint.replaceAll(" ", "\u00a0").replaceAll(",\u00a0", ", ");
}

const dig = (body, path) => path.reduce((inner, name) => inner?.[name], body);
const texts = (value) => (value === null || value === undefined ? "" : String(value));

export class Form {
  /** `main`: fields that are shown at once; the others wait behind "More". `send(change)` resolves to an answer of `ask`. */
  constructor(element, fields, main, { send, reset, resetWord }) {
    this.element = element;
    this.send = send;
    this.inForce = {};
    this.rows = fields.map((field) => this.row(field));
    const shown = this.box("div");
    const more = this.box("details");
    more.append(this.box("summary", "More settings"));
    const grid = this.box("div");
    more.append(grid);
    shown.className = grid.className = "fields";
    const order = (row) => (main.includes(row.name) ? main.indexOf(row.name) : main.length);
    for (const row of [...this.rows].sort((one, other) => order(one) - order(other))) {
      (main.includes(row.name) ? shown : grid).append(row.box);
    }
    this.more = more;
    this.said = this.box("p");
    this.said.className = "said";
    this.said.setAttribute("role", "status");
    this.apply = this.box("button", "Apply");
    this.apply.className = "main";
    const back = this.box("button", resetWord);
    back.type = "button";
    back.addEventListener("click", () => this.finish(reset(), `${resetWord}: done.`, true));
    const buttons = this.box("div");
    buttons.className = "buttons";
    buttons.append(this.apply, back);
    element.replaceChildren(shown, more, this.said, buttons);
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    element.addEventListener("input", () => this.mark());
  }

  box(kind, text = "") {
    const made = document.createElement(kind);
    made.textContent = text;
    return made;
  }

  row(field) {
    const name = field.path.join(".");
    const id = `${this.element.parentElement.id}-${name.replaceAll(".", "-")}`;
    const box = this.box("div");
    box.className = `field ${field.kind}${field.text && field.kind === "text" ? " long" : ""}`;
    const label = this.box("label", name);
    label.htmlFor = id;
    const input = this.box(field.kind === "choice" ? "select" : "input");
    input.id = id;
    input.name = name;
    if (field.kind === "choice") for (const choice of field.choices) input.append(new Option(choice, choice));
    else if (field.kind === "switch") input.type = "checkbox";
    else Object.assign(input, { type: "text", inputMode: field.numeric ? "decimal" : "text", autocomplete: "off", spellcheck: false, placeholder: "none" });
    const hint = this.box("span", [field.about, field.hint].filter(Boolean).join("; "));
    hint.id = `${id}-hint`;
    hint.className = "hint";
    const wrong = this.box("span");
    wrong.id = `${id}-error`;
    wrong.className = "wrong";
    wrong.hidden = true;
    input.setAttribute("aria-describedby", hint.id);
    const row = { ...field, name, box, input, hint, wrong, slider: null };
    box.append(label, input);
    if (field.slider) {
      row.slider = Object.assign(this.box("input"), { type: "range", min: 0, max: 1, step: 0.01 });
      row.slider.setAttribute("aria-label", `${name}, slider`);
      row.slider.addEventListener("input", () => { input.value = row.slider.value; });
      input.addEventListener("input", () => { row.slider.value = input.value; });
      box.append(row.slider);
    }
    box.append(hint, wrong);
    return row;
  }

  /** Show the values in force; what the user has typed and not applied stays. */
  load(body, force = false) {
    const dirty = new Set(force ? [] : this.changed());
    this.inForce = body;
    for (const row of this.rows) {
      if (!dirty.has(row)) this.put(row, dig(body, row.path));
    }
    this.mark();
  }

  put(row, value) {
    if (row.kind === "switch") row.input.checked = Boolean(value);
    else if (row.input.value !== texts(value)) row.input.value = texts(value);
    if (row.slider) row.slider.value = texts(value) || 0;
  }

  changed() {
    return this.rows.filter((row) => {
      const value = dig(this.inForce, row.path);
      return row.kind === "switch" ? row.input.checked !== Boolean(value) : row.input.value.trim() !== texts(value);
    });
  }

  mark() {
    const changed = this.changed();
    for (const row of this.rows) row.box.classList.toggle("changed", changed.includes(row));
    this.element.classList.toggle("dirty", changed.length > 0);
    say(this.apply, changed.length ? `Apply ${changed.length === 1 ? "1 change" : `${changed.length} changes`}` : "Apply");
  }

  /** The change, or with `all` the whole, as a body: text that is no number goes as it is, for the server to judge. */
  body(all = false) {
    const body = {};
    for (const row of all ? this.rows : this.changed()) {
      const text = row.input.value.trim();
      const number = Number(text);
      let value = text;
      if (row.kind === "switch") value = row.input.checked;
      else if (text === "" && !row.text) value = null;
      else if (row.numeric && Number.isFinite(number) && (String(number) === text || /[.e]/i.test(text))) value = number;
      let inner = body;
      for (const name of row.path.slice(0, -1)) inner = inner[name] ??= {};
      inner[row.path.at(-1)] = value;
    }
    return this.tidy(body);
  }

  /** An object that may be left out, and of which nothing is filled in, is none. */
  tidy(body) {
    for (const [name, value] of Object.entries(body)) {
      if (value === null || typeof value !== "object") continue;
      const rows = this.rows.filter((row) => row.path[0] === name);
      if (rows.every((row) => row.optional && row.input.value.trim() === "")) body[name] = null;
      else for (const [inner, text] of Object.entries(value)) if (text === null && dig(this.inForce, [name, inner]) === undefined) delete value[inner];
    }
    return body;
  }

  submit() {
    return this.finish(this.send(this), "Applied.", true);
  }

  async finish(asked, done, load) {
    this.clear();
    say(this.said, "…");
    const answer = await asked;
    if (answer.ok) {
      say(this.said, done);
      if (load && answer.body) this.load(answer.body, true);
    } else this.blame(answer);
    return answer;
  }

  clear() {
    for (const row of this.rows) {
      row.wrong.hidden = true;
      row.input.removeAttribute("aria-invalid");
      row.input.setAttribute("aria-describedby", row.hint.id);
    }
    this.said.classList.remove("wrong");
  }

  /** Show the server's words beside the fields they are about, and what is about none below. */
  blame(answer) {
    const left = [];
    let first = null;
    for (const each of answer.errors) {
      const row = this.rowFor(each.field);
      if (!row) {
        left.push(each.detail);
        continue;
      }
      row.wrong.textContent = row.wrong.hidden ? each.detail : `${row.wrong.textContent}; ${each.detail}`;
      row.wrong.hidden = false;
      row.input.setAttribute("aria-invalid", "true");
      row.input.setAttribute("aria-describedby", `${row.wrong.id} ${row.hint.id}`);
      if (row.box.closest("details")) this.more.open = true;
      first ??= row;
    }
    this.said.classList.add("wrong");
    say(this.said, left.join("; ") || (first ? "Not applied: see the marked fields." : answer.problem));
    first?.input.focus();
  }

  /** A field's row by its name, or by the first known name in a sentence such as "hang_rate + reset_rate". */
  rowFor(field) {
    const names = [field, ...field.split(/[^\w.]+/)];
    for (const name of names) {
      const bare = name.replace(/^breaker\./, "");
      const row = this.rows.find((each) => each.name === bare || each.path.join(".") === name) ?? this.rows.find((each) => each.path[0] === bare);
      if (row && !row.box.hidden) return row;
    }
    return null;
  }
}
