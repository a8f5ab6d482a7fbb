// The knobs: the backend's fault profile, through the client, and the client's own settings.

import { ask } from "./live.js";
import { Form, fieldsOf } from "./form.js";
import { readSchema, schema } from "./schema.js";
import { say } from "./words.js";

const find = (id) => document.getElementById(id);
const MAIN_FAULTS = ["error_rate", "hang_rate", "latency.distribution", "latency.mean_s", "latency.spread_s", "capacity.workers", "capacity.queue", "unreachable"];
const MAIN_SETTINGS = ["policy", "fail_max", "max_failures", "failure_rate", "min_calls", "window_calls", "window_s", "reset_timeout", "success_threshold", "max_probes", "throttle_k", "adaptive_gain", "usual_error_rate", "usual_s", "max_refused"];
const LOOK_MS = 2000;
const AGAIN_MS = 1000;

/** The backend's form. It may be away; then the page says so, and looks again. */
export class Faults {
  constructor() {
    this.form = null;
    this.plan = null;
    this.presets();
    setInterval(() => document.hidden || this.look(), LOOK_MS);
  }

  async look() {
    if (this.form === null) await this.build();
    const answer = await ask("GET", "backend/faults");
    this.tell(answer);
    if (answer.ok) this.show(answer.body);
  }

  async build() {
    const answer = await ask("GET", "backend/openapi.json");
    const schema = answer.body?.paths?.["/faults"]?.put?.requestBody?.content?.["application/json"]?.schema;
    if (!schema) return;
    this.form = new Form(document.querySelector("#faults form"), fieldsOf((schema.anyOf ?? [schema])[0]), MAIN_FAULTS, {
      send: (form) => this.change(this.plan?.phases ? "PUT" : "PATCH", form.body(Boolean(this.plan?.phases))),
      reset: () => this.change("DELETE"),
      resetWord: "Reset: no faults",
    });
  }

  async change(method, body) {
    const answer = await ask(method, "backend/faults", body);
    this.tell(answer);
    if (answer.ok) this.show(answer.body, true);
    return answer;
  }

  show(plan, force = false) {
    if (!this.form) return;
    const was = this.plan;
    this.plan = plan;
    const flat = plan.phases ? { seed: plan.seed, ...plan.phases.at(-1).profile } : plan;
    if (force || JSON.stringify(was) !== JSON.stringify(plan)) this.form.load(flat, force);
    if (plan.phases) say(this.form.said, `A schedule of ${plan.phases.length} phases is active; the form shows the last one. Apply replaces the schedule with this profile.`);
    for (const button of document.querySelectorAll(".presets button")) {
      button.setAttribute("aria-pressed", String(matches(JSON.parse(button.dataset.faults), plan)));
    }
  }

  tell(answer) {
    const away = !answer.ok && answer.status !== 422;
    find("faults-away").hidden = !away;
    if (away) say(find("faults-away"), `The backend’s faults cannot be read or set: ${answer.problem}`);
  }

  async presets() {
    const answer = await ask("GET", "dashboard/presets.json");
    if (!answer.ok) setTimeout(() => this.presets(), AGAIN_MS);
    for (const preset of answer.body ?? []) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = preset.name;
      button.title = preset.about;
      button.dataset.faults = JSON.stringify(preset.faults);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        const changed = this.change("PUT", preset.faults);
        if (this.form) this.form.finish(changed, `${preset.name}: ${preset.about}.`, false);
      });
      document.querySelector(".presets").append(button);
    }
    await this.look();
  }
}

/** Whether a plan is what a preset says, and has no fault besides. */
function matches(preset, plan) {
  if (plan.phases) return false;
  const besides = ["error_rate", "hang_rate", "reset_rate", "unreachable", "capacity", "bursts", "sequence", "exact_ratio"];
  return Object.entries(preset).every(([name, value]) => contains(plan[name], value))
    && besides.every((name) => name in preset || !plan[name]);
}

const contains = (whole, part) => (part !== null && typeof part === "object"
  ? Object.entries(part).every(([name, value]) => contains(whole?.[name], value))
  : whole === part);

/** The client's form: each section of the settings. Of the breaker's, what its policy reads is shown, the rest is hidden. */
export class Settings {
  constructor() {
    this.schema = schema;
    const { breaker, ...sections } = schema.settings.properties;
    this.sections = Object.keys(sections);
    const fields = fieldsOf(breaker).filter((field) => field.path[0] !== "shadow");
    Object.assign(fields.find((field) => field.path[0] === "policy"), { kind: "choice", choices: Object.keys(schema.policies) });
    const others = fieldsOf({ properties: sections });
    const firsts = this.sections.map((name) => others.find((field) => field.path[0] === name).path.join(".")); // what switches a section on
    this.form = new Form(document.querySelector("#settings form"), [...fields, ...others], [...MAIN_SETTINGS, ...firsts], {
      send: (form) => this.change(this.nested(form.body())),
      reset: () => this.change(this.schema.started_with),
      resetWord: "Reset: settings at the start",
    });
    this.form.element.elements.policy.addEventListener("change", () => this.fit());
  }

  /** Learn what a client that has been restarted was started with. */
  async restart() {
    this.schema = await readSchema();
  }

  async change(body) {
    const answer = await ask("PATCH", "config", body);
    return answer.ok ? { ...answer, body: this.load(this.flat(answer.body.breaker, answer.body), true) } : answer;
  }

  /** Show the settings in force, from a batch. */
  show(batch) {
    const flat = this.flat(batch.breaker, batch.settings);
    if (JSON.stringify(flat) !== this.known) this.load(flat);
  }

  load(flat, force = false) {
    this.known = JSON.stringify(flat);
    this.form.load(flat, force);
    this.fit();
    return flat;
  }

  /** {fail_max, timeout: {...}}: the breaker's settings by their own names, beside the other sections. */
  flat(breaker, sections) {
    const flat = Object.fromEntries(this.sections.map((name) => [name, sections[name]]));
    for (const row of this.form.rows) if (row.path.length === 1) flat[row.name] = breaker[row.name];
    return flat;
  }

  /** The reverse, as the body of PATCH /config: {breaker: {fail_max}, timeout: {...}}. */
  nested(flat) {
    const body = {};
    for (const [name, value] of Object.entries(flat)) {
      if (this.sections.includes(name)) body[name] = value;
      else (body.breaker ??= {})[name] = value;
    }
    return body;
  }

  fit() {
    const policy = this.form.element.elements.policy.value;
    const { about, reads } = this.schema.policies[policy] ?? { about: "", reads: [] };
    say(find("policy-about"), about.replaceAll("`", ""));
    const always = ["policy", "name", "seed"];
    for (const row of this.form.rows) row.box.hidden = row.path.length === 1 && !always.includes(row.name) && !reads.includes(row.name);
    this.form.mark();
  }
}
