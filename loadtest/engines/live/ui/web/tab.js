/* The Breaker tab of Locust's web UI, and the outcomes below its own charts.

   Locust draws the tab's title from `extended_tabs`, and an empty panel. This script puts one element of its own after that
   panel and shows it while the tab "Breaker" or "Charts" is chosen. It reads ./breaker/progress, and changes nothing of Locust's. */
"use strict";

(() => {
  const { outcomes: OUTCOMES, states: STATES } = JSON.parse(document.getElementById("breaker-looks").textContent);
  const word = (outcome) => OUTCOMES[outcome].word;
  const isDrawn = (state) => STATES[state].colour !== "none";
  const EVERY_MS = 1000;
  let latest = null;
  let drawn = "";

  const spoken = make("p", { class: "spoken", "aria-live": "polite" });
  const body = make("div");
  const section = make("section", { id: "breaker-lab", "aria-label": "Breaker Lab" }, spoken, body);
  let pointer = null;
  if (document.querySelector("meta[name=breaker-log-out]").content === "yes") section.append(logOut());

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function logOut() {
    const form = make("form", { method: "post", action: "./logout", class: "only-breaker" });
    form.append(make("button", { id: "breaker-log-out" }, "Log out"));
    return form;
  }

  function draw(tag, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const colour = (outcome) => `var(--${outcome.replace("_", "-")})`;
  const short = (value) => String(Math.round(value * 10) / 10);
  const seconds = (value) => `${value < 100 ? value.toFixed(1) : Math.round(value)} s`;

  /* Which of the two tabs is chosen, if any: Locust tells by the tab's role, as it tells a screen reader. */
  function chosen() {
    const tab = document.querySelector("[role=tab][aria-selected=true]");
    const title = tab ? tab.textContent.trim().toLowerCase() : "";
    return title === "breaker" || title === "charts" ? title : "";
  }

  function isDark() {
    const parts = getComputedStyle(document.body).backgroundColor.match(/\d+/g) || [255, 255, 255];
    return (Number(parts[0]) + Number(parts[1]) + Number(parts[2])) / 3 < 128;
  }

  /* The services are where the command line says: Locust's field for the host shows that, and takes nothing. */
  function showHostOnly() {
    const host = document.querySelector("input[name=host]:not([readonly])");
    if (!host) return;
    host.readOnly = true;
    host.title = "set on the command line";
  }

  /* Called often and cheap: follows Locust's tabs and its switch between light and dark. */
  function follow() {
    showHostOnly();
    const main = document.querySelector("main");
    if (!main) return;
    if (section.parentNode !== main || section.nextSibling) main.append(section);
    const now = chosen();
    const changed = section.dataset.shown !== now;
    section.dataset.shown = now;
    section.dataset.theme = isDark() ? "dark" : "light";
    if (now && changed) ask();
  }

  let asking = false;
  async function ask() {
    if (asking || document.hidden || !section.dataset.shown) return;
    asking = true;
    try {
      const answer = await fetch("./breaker/progress");
      if (answer.status === 401) location.reload(); // to the log-in form
      if (answer.ok) latest = await answer.json();
    } catch { /* Locust has ended; what is shown stays */ } finally {
      asking = false;
    }
    const text = JSON.stringify(latest);
    if (latest && text !== drawn) {
      drawn = text;
      render();
    }
  }

  function render() {
    const reading = body.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = [...body.querySelectorAll(".table")].map((each) => [each.id, each.scrollTop]);
    const { run } = latest;
    const parts = [end()];
    if (!run) {
      parts.push(make("div", { class: "card only-breaker" }, make("p", {}, "No run yet: press Start in the form.")));
    } else {
      parts.push(now(run), chart(run), make("div", { class: "two only-breaker" }, transitions(run), counts(run)));
    }
    body.replaceChildren(...parts.filter(Boolean));
    // What was drawn anew goes on where the reader was: focus, place in a table, and the column under the pointer.
    if (reading) document.getElementById(reading)?.focus({ preventScroll: true });
    for (const [id, top] of scrolled) document.getElementById(id)?.scrollTo(0, top);
    const under = pointer && document.elementFromPoint(pointer.clientX, pointer.clientY)?.closest(".column");
    if (under) under.dispatchEvent(new PointerEvent("pointerenter", pointer));
    const said = run ? `${run.arm}: ${run.state === "none" ? "no breaker" : `breaker ${run.state}`}` : "";
    if (spoken.textContent !== said) spoken.textContent = said;
  }

  /* What has become of the run, and the link to its report. */
  function end() {
    const { phase, message, report, headline, broken } = latest;
    if (!message && !report && phase !== "reporting") return null;
    const card = make("div", { class: `card only-breaker ${message || (broken || []).length ? "bad" : ""}`, id: "breaker-end", role: "status" });
    if (phase === "reporting") card.append(make("p", {}, "The run is over; its report is being written."));
    if (message) card.append(make("p", { class: "message" }, message));
    if (headline) card.append(make("p", {}, headline.replaceAll("`", "")));
    for (const each of broken || []) card.append(make("p", {}, make("b", {}, "Not OK: "), each));
    if (phase === "incomplete") card.append(make("p", {}, "The run was stopped before its end and is marked incomplete."));
    if (report) {
      const links = make("p", { class: "report" }, make("a", { href: report, target: "_blank", id: "breaker-report" }, "Open the report"));
      links.append(" · ", make("a", { href: "./results/index.html", target: "_blank", id: "breaker-runs" }, "all runs"));
      card.append(links);
    }
    return card;
  }

  function fact(name, value) {
    return make("div", {}, make("span", {}, name), make("b", {}, value));
  }

  function now(run) {
    const state = run.state === "none" ? "no breaker" : run.state;
    const card = make("div", { class: "card only-breaker" });
    const facts = make("div", { class: "now" });
    facts.append(make("div", {}, make("span", {}, "breaker"), make("b", { class: `state ${run.state}`, id: "breaker-state" }, state)));
    if (run.state !== "none") facts.append(fact("in this state for", seconds(run.state_for_s)), fact("failures counted", String(run.failures)));
    facts.append(fact("transitions", String(run.transition_count)));
    facts.append(fact("arm", `${run.arm} (${run.arm_number} of ${run.arms})`));
    facts.append(fact("seed", run.seeds > 1 ? `${run.seed} (${run.seed_number} of ${run.seeds})` : String(run.seed)));
    facts.append(fact("requests", `${run.done.toLocaleString("en")} of ${run.planned.toLocaleString("en")}`));
    const about = make("p", { class: "soft" }, `${run.title} · ${run.scenario} · ${run.engine} engine`);
    const bar = make("progress", { value: run.done, max: run.planned, "aria-label": "requests done" });
    card.append(facts, bar, about);
    return card;
  }

  function transitions(run) {
    const rows = [...run.transitions].reverse().map((each) => make("tr", {},
      make("td", { class: "number" }, each.at_s.toFixed(2)), make("td", {}, `${each.before} → ${each.after}`),
      make("td", {}, each.cause), make("td", {}, run.seeds > 1 ? `${each.arm}, seed ${each.seed}` : each.arm)));
    const card = make("div", { class: "card" }, make("h2", {}, `Transitions (${run.transition_count})`));
    if (!rows.length) card.append(make("p", { class: "soft" }, "none so far"));
    else card.append(table("breaker-transitions", "newest first", ["at, s", "from → to", "cause", "arm"], rows));
    if (run.transition_count > rows.length) card.append(make("p", { class: "soft" }, `the newest ${rows.length}; the report has all`));
    return card;
  }

  function counts(run) {
    const rows = run.counts.map((each) => make("tr", {}, make("th", { scope: "row" }, each.arm),
      ...run.outcomes.map((name) => make("td", { class: "number" }, each[name].toLocaleString("en")))));
    return make("div", { class: "card" }, make("h2", {}, "Outcomes by arm"),
      table("breaker-counts", "requests by outcome", ["arm", ...run.outcomes.map(word)], rows));
  }

  function table(id, label, heads, rows) {
    const line = make("tr", {}, ...heads.map((head, place) => make("th", { scope: "col", class: id.endsWith("counts") && place ? "number" : "" }, head)));
    return make("div", { class: "table", tabindex: "0", id: `${id}-box` },
      make("table", { id, "aria-label": label }, make("thead", {}, line), make("tbody", {}, ...rows)));
  }

  /* Requests that ended in each stretch of time, stacked by outcome; the breaker's state as a band below. */
  function chart(run) {
    const per = run.column_s === 1 ? "second" : `${run.column_s} s`;
    const card = make("div", { class: "card", id: "breaker-outcomes" });
    card.append(make("h2", {}, `Outcomes per ${per}${run.seeds > 1 ? `, seed ${run.seed}` : ""}`));
    const [width, height, left, bottom] = [Math.max(320, (section.clientWidth || 1000) - 90), 300, 40, 62];
    const total = run.chart.reduce((sum, each) => sum + columnsOf(each), 0) || 1;
    const most = Math.max(1, ...run.chart.flatMap((each) => sums(each, run.outcomes)));
    const x = (column) => left + (column / total) * (width - left);
    const y = (count) => 16 + (1 - count / most) * (height - bottom - 16);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": inWords(run) });
    for (const count of ticks(most)) {
      svg.append(draw("line", { x1: left, x2: width, y1: y(count), y2: y(count), class: "grid" }));
      svg.append(draw("text", { x: left - 6, y: y(count) + 4, "text-anchor": "end" }, String(count)));
    }
    const tip = make("div", { class: "tip", hidden: "" });
    let offset = 0;
    for (const each of run.chart) {
      const many = columnsOf(each);
      if (offset) svg.append(draw("line", { x1: x(offset), x2: x(offset), y1: 4, y2: height - bottom, stroke: "currentColor", "stroke-dasharray": "2 3" }));
      svg.append(draw("text", { x: x(offset) + 4, y: 11 }, (x(many) - x(0)) / 7 > each.arm.length ? each.arm : ""));
      for (let column = 0; column < many; column += 1) svg.append(bar(run, each, column, x(offset + column), x(offset + column + 1), y, tip));
      for (const [state, from, to] of each.states) {
        if (!isDrawn(state) || to <= from) continue;
        const start = x(offset + from / run.column_s);
        const stop = Math.max(start + 1, x(offset + Math.min(to / run.column_s, many)));
        svg.append(draw("rect", { x: start, width: stop - start, y: height - bottom + 6, height: 10, fill: `var(--${state})` }));
      }
      for (const at of times(many * run.column_s, (x(many) - x(0)) / 70)) {
        const last = each === run.chart.at(-1);
        if (at && !last && x(many) - x(at / run.column_s) < 40) continue; // the next arm's 0 s stands there
        svg.append(draw("text", { x: x(offset + at / run.column_s), y: height - bottom + 32, "text-anchor": "middle" }, `${at} s`));
      }
      offset += many;
    }
    const keys = make("ul", { class: "legend" });
    for (const name of run.outcomes) keys.append(key(colour(name), `${word(name)} ${sumOf(run, name).toLocaleString("en")}`, name));
    for (const state of Object.keys(STATES).filter(isDrawn)) {
      if (run.chart.some((each) => each.states.some(([name]) => name === state))) keys.append(key(`var(--${state})`, `breaker ${state} (band below)`, state));
    }
    card.append(make("div", { class: "plot" }, svg, tip), keys);
    return card;
  }

  // Of the seed that is drawn; the table beside it counts all of them.
  const sumOf = (run, name) => run.chart.reduce((sum, each) => sum + each.series[name].reduce((one, other) => one + other, 0), 0);
  const columnsOf = (arm) => Object.values(arm.series)[0].length;
  const sums = (arm, names) => Object.values(arm.series)[0].map((_, column) => names.reduce((sum, name) => sum + arm.series[name][column], 0));

  function key(paint, text, series) {
    return make("li", { "data-series": series }, make("span", { class: "key", style: `background:${paint}` }), text);
  }

  function bar(run, arm, column, from, to, y, tip) {
    const group = draw("g", { class: "column" });
    const said = [];
    let below = 0;
    for (const name of run.outcomes) {
      const count = arm.series[name][column];
      if (!count) continue;
      said.push(`${word(name)}: ${count}`);
      const [top, base] = [y(below + count), y(below)];
      group.append(draw("rect", { x: from, width: Math.max(1, to - from - (to - from > 4 ? 1 : 0)), y: top, height: base - top, fill: colour(name), "data-outcome": name }));
      below += count;
    }
    if (said.length) {
      const text = [`${arm.arm}, ${short(column * run.column_s)} to ${short((column + 1) * run.column_s)} s`, ...said].join("\n");
      group.addEventListener("pointerenter", (event) => show(tip, text, event));
      group.addEventListener("pointerleave", () => { tip.hidden = true; });
    }
    return group;
  }

  function show(tip, text, event) {
    const box = tip.parentNode.getBoundingClientRect();
    tip.textContent = text;
    tip.hidden = false;
    tip.style.left = `${Math.max(0, Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${event.clientY - box.top + 12}px`;
  }

  function ticks(most) {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find((each) => most / each <= 5) || Math.ceil(most / 5);
    return Array.from({ length: Math.floor(most / step) + 1 }, (_, place) => place * step);
  }

  function times(length, room) {
    const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200].find((each) => length / each <= Math.max(1, room)) || length;
    return Array.from({ length: Math.ceil(length / step) }, (_, place) => place * step);
  }

  function inWords(run) {
    return `Requests by outcome over time: ${run.outcomes.map((name) => `${word(name)} ${sumOf(run, name)}`).join(", ")}`;
  }

  section.addEventListener("pointermove", ({ clientX, clientY }) => { pointer = { clientX, clientY }; });
  section.addEventListener("pointerleave", () => { pointer = null; });
  setInterval(follow, 200);
  setInterval(ask, EVERY_MS);
  document.addEventListener("click", () => setTimeout(follow, 0));
  window.addEventListener("resize", () => { if (latest) render(); });
})();
