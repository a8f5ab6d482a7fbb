/* The picture of each request, made to be asked: hover, zoom in time, filter by outcome. The drawing that it takes the place of
   stays in the page for print, and is all there is without JavaScript. */
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("requests-data").textContent);
  const drawing = document.querySelector(".chart.timeline");
  const outcomes = Object.keys(data.outcomes);
  const states = Object.keys(data.states);
  const HEIGHT = 250, LEFT = 56, RIGHT = 12, TOP = 36, BOTTOM = 26, LEAST_MS = 0.1, NEAR = 18;
  const SHAPES = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-4-2l2-2 2 2 2-2 2 2-2 2 2 2-2 2-2-2-2 2-2-2 2-2z", "M-4-4h8v8h-8z", "M-5-4h10l-5 9z",
    "M-1.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z", "M0-5l1.5 3.5 3.5 1.5-3.5 1.5-1.5 3.5-1.5-3.5-3.5-1.5 3.5-1.5z",
  ];
  const hidden = new Set();
  let run = data.seeds[0];
  let full = spanOf(run);
  let [from, to] = full;
  let plots = [];
  let picked = null;

  function spanOf(seed) {
    return [0, Math.max(1e-3, ...seed.arms.map((arm) => arm.duration_s))];
  }

  function html(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function svg(tag, attributes = {}, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const time = (ms) => (ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(2))} ms`);
  const box = html("div", { class: "requests" });
  const area = html("div", { class: "plots" });
  const tip = html("div", { class: "tip", role: "status", hidden: "" });
  const range = { from: number("from"), to: number("to") };
  const count = html("span", { class: "count", "aria-live": "polite" });
  box.append(filters(), zoom(), area, note());
  drawing.after(box);
  drawing.classList.add("replaced");
  draw();
  let width = box.clientWidth;
  window.addEventListener("resize", () => {
    if (box.clientWidth && box.clientWidth !== width) { width = box.clientWidth; draw(); }
  });

  function number(name) {
    const field = html("input", { type: "number", name, min: "0", step: "any" });
    field.addEventListener("change", () => zoomTo(Number(range.from.value), Number(range.to.value)));
    return field;
  }

  function filters() {
    const set = html("fieldset", {}, html("legend", {}, "Show"));
    for (const [place, name] of outcomes.entries()) {
      const many = data.seeds.reduce((sum, seed) => sum + seed.arms.reduce((all, arm) => all + arm.outcome.filter((each) => each === place).length, 0), 0);
      if (!many) continue;
      const check = html("input", { type: "checkbox", name: "outcome", value: name, checked: "" });
      check.addEventListener("change", () => { hidden[check.checked ? "delete" : "add"](place); draw(); });
      const shape = svg("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true", style: "width:14px" });
      shape.append(svg("path", { d: SHAPES[place], fill: data.outcomes[name].colour, class: "point" }));
      set.append(html("label", {}, check, shape, data.outcomes[name].word));
    }
    for (const state of states.filter((name) => data.seeds.some((seed) => seed.arms.some((arm) => arm.bands.some((band) => band[0] === name))))) {
      const key = html("span", { class: "key", style: `background:${data.states[state].colour}` });
      set.append(html("span", { class: "band-key" }, key, `breaker ${data.states[state].word}`));
    }
    return set;
  }

  function zoom() {
    const set = html("fieldset", {}, html("legend", {}, "Seconds"), range.from, "to", range.to);
    for (const [text, label, act] of [["+", "zoom in", () => scale(0.5)], ["−", "zoom out", () => scale(2)], ["all", "show the whole time", () => zoomTo(...full)]]) {
      const button = html("button", { type: "button", "aria-label": label, title: label }, text);
      button.addEventListener("click", act);
      set.append(button);
    }
    if (data.seeds.length > 1) {
      const choice = html("select", { name: "seed" }, ...data.seeds.map((each, place) => html("option", { value: place }, String(each.seed))));
      choice.addEventListener("change", () => { run = data.seeds[choice.value]; full = spanOf(run); picked = null; zoomTo(...full); });
      set.append(html("label", {}, "seed", choice));
    }
    set.append(count);
    return set;
  }

  function note() {
    const parts = ["Hover or tap a request; drag over a stretch of time to zoom in. With the keyboard: arrows go from request to request, + and − zoom, 0 shows all."];
    if (data.every > 1) parts.push(`Of so many requests only every ${data.every}th is shown here; all are in requests.jsonl and in every figure.`);
    if (data.seeds_left_out) parts.push(`${data.seeds_left_out} more seeds are in requests.jsonl.`);
    return html("p", { class: "note" }, parts.join(" "));
  }

  function zoomTo(start, end) {
    const least = (full[1] - full[0]) / 5000;
    from = Math.max(full[0], Math.min(start || 0, full[1] - least));
    to = Math.min(full[1], Math.max(Number.isFinite(end) ? end : full[1], from + least));
    draw();
  }

  function scale(factor) {
    const middle = picked ? picked.arm.sent_ms[picked.place] / 1000 : (from + to) / 2;
    const half = ((to - from) * factor) / 2;
    const start = Math.max(full[0], Math.min(middle - half, full[1] - 2 * half));
    zoomTo(start, start + 2 * half);
  }

  /* One plot below the other, an arm each, all with the same axes. */
  function draw() {
    const width = Math.max(300, box.clientWidth || 900);
    const took = run.arms.flatMap((arm) => arm.took_ms).map((each) => Math.max(each, LEAST_MS));
    const low = took.reduce((least, each) => Math.min(least, each), Infinity) / 1.6;
    const high = took.reduce((most, each) => Math.max(most, each), 0) * 1.8;
    const axes = {
      width,
      x: (second) => LEFT + ((second - from) / (to - from)) * (width - LEFT - RIGHT),
      second: (x) => from + ((x - LEFT) / (width - LEFT - RIGHT)) * (to - from),
      y: (ms) => TOP + (1 - Math.log(Math.max(ms, LEAST_MS) / low) / Math.log(high / low)) * (HEIGHT - TOP - BOTTOM),
      ticks: [0.1, 1, 10, 100, 1000, 10000, 100000].filter((each) => each > low && each < high),
    };
    range.from.value = String(Math.round(from * 1000) / 1000);
    range.to.value = String(Math.round(to * 1000) / 1000);
    tip.hidden = true;
    const place = plots.findIndex((plot) => plot.node === document.activeElement);
    plots = run.arms.map((arm) => plotOf(arm, axes));
    const kept = picked; // the plot that goes loses its focus, and with it what is picked
    area.replaceChildren(...plots.map((plot) => plot.node), tip);
    picked = kept;
    if (place >= 0) plots[place].node.focus({ preventScroll: true });
    const shown = plots.reduce((sum, plot) => sum + plot.points.length, 0);
    const all = run.arms.reduce((sum, arm) => sum + arm.id.length, 0);
    count.textContent = `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} requests`;
    if (picked) {
      const plot = plots.find((each) => each.arm === picked.arm);
      const point = plot && plot.points.find((each) => each.place === picked.place);
      if (point) pick(plot, point); else picked = null;
    }
  }

  function plotOf(arm, axes) {
    const { width, x, y } = axes;
    const clip = `clip-${arm.arm}`;
    const node = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, tabindex: 0, role: "img", "data-arm": arm.arm, "aria-label": `Requests of ${arm.arm} over time` });
    const inside = svg("g", { "clip-path": `url(#${clip})` });
    const clipping = svg("clipPath", { id: clip });
    clipping.append(svg("rect", { x: LEFT - 6, y: 0, width: width - LEFT - RIGHT + 12, height: HEIGHT }));
    node.append(clipping, svg("text", { x: 0, y: 13, "font-weight": 600 }, `${arm.arm}${arm.guarded ? "" : ": no breaker"}`));
    for (const [state, start, end] of arm.bands) {
      const colour = data.states[state].colour;
      inside.append(svg("rect", { class: `band ${state}`, x: x(start), width: Math.max(1, x(end) - x(start)), y: TOP, height: HEIGHT - TOP - BOTTOM, fill: colour }));
      const [left, right] = [Math.max(x(start), LEFT), Math.min(x(end), width - RIGHT)];
      if (right - left > 60) inside.append(svg("text", { x: (left + right) / 2, y: TOP - 5, "text-anchor": "middle" }, data.states[state].word));
    }
    for (const [name, start, end] of arm.marks) {
      inside.append(svg("rect", { class: "phase", x: x(start), width: Math.max(1, x(end) - x(start)), y: TOP, height: HEIGHT - TOP - BOTTOM }));
      for (const at of [start, end]) inside.append(svg("line", { class: "mark", x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM }));
      const [left, right] = [Math.max(x(start), LEFT), Math.min(x(end), width - RIGHT)];
      if (right - left > name.length * 7) inside.append(svg("text", { x: (left + right) / 2, y: HEIGHT - BOTTOM - 5, "text-anchor": "middle", "font-style": "italic" }, name));
    }
    for (const tick of axes.ticks) {
      node.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }));
      node.append(svg("text", { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, time(tick)));
    }
    for (const tick of ticks(from, to, (width - LEFT) / 90)) {
      node.append(svg("text", { class: "tick", x: x(tick), y: HEIGHT - 8, "text-anchor": "middle" }, `${Number(tick.toPrecision(6))} s`));
    }
    const points = [];
    const drawn = outcomes.map(() => []);
    for (let place = 0; place < arm.id.length; place += 1) {
      const sent = arm.sent_ms[place] / 1000;
      const kind = arm.outcome[place];
      if (kind < 0 || hidden.has(kind) || sent < from || sent > to) continue;
      const point = { place, x: x(sent), y: y(arm.took_ms[place]) };
      points.push(point);
      drawn[kind].push(`<path class="point" data-id="${arm.id[place]}" data-outcome="${outcomes[kind]}" d="${SHAPES[kind]}" transform="translate(${point.x.toFixed(1)} ${point.y.toFixed(1)})"/>`);
    }
    for (const [kind, paths] of drawn.entries()) {
      const group = svg("g", { fill: data.outcomes[outcomes[kind]].colour });
      group.innerHTML = paths.join("");
      inside.append(group);
    }
    points.sort((one, other) => one.x - other.x);
    node.append(inside);
    const plot = { arm, node, points };
    listen(plot, axes);
    return plot;
  }

  function ticks(start, end, room) {
    const rough = (end - start) / Math.max(2, room);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
    return Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, place) => (Math.ceil(start / step) + place) * step).filter((each) => each <= end);
  }

  function listen(plot, axes) {
    const { node } = plot;
    let began = null;
    let shade = null;
    const at = (event) => {
      const place = node.getBoundingClientRect();
      return { x: ((event.clientX - place.left) / place.width) * axes.width, y: ((event.clientY - place.top) / place.height) * HEIGHT };
    };
    node.addEventListener("pointerdown", (event) => {
      began = at(event);
      if (event.pointerType !== "touch") node.setPointerCapture(event.pointerId);
    });
    node.addEventListener("pointermove", (event) => {
      const now = at(event);
      if (began && Math.abs(now.x - began.x) > 4) {
        if (!shade) { shade = svg("rect", { class: "range", y: TOP, height: HEIGHT - TOP - BOTTOM }); node.append(shade); }
        shade.setAttribute("x", Math.min(began.x, now.x));
        shade.setAttribute("width", Math.abs(now.x - began.x));
        tip.hidden = true;
        return;
      }
      pick(plot, nearest(plot, now));
    });
    node.addEventListener("pointerup", (event) => {
      const now = at(event);
      const start = began;
      began = null;
      if (shade) { shade.remove(); shade = null; zoomTo(axes.second(Math.min(start.x, now.x)), axes.second(Math.max(start.x, now.x))); } else pick(plot, nearest(plot, now));
    });
    node.addEventListener("pointercancel", () => { began = null; if (shade) shade.remove(); shade = null; });
    node.addEventListener("pointerleave", (event) => { if (!began && event.pointerType !== "touch") pick(plot, null); });
    node.addEventListener("blur", () => pick(plot, null));
    node.addEventListener("keydown", (event) => {
      const place = picked && picked.arm === plot.arm ? plot.points.findIndex((each) => each.place === picked.place) : -1;
      const go = { ArrowRight: place + 1, ArrowLeft: place < 0 ? plot.points.length - 1 : place - 1, Home: 0, End: plot.points.length - 1 }[event.key];
      if (go !== undefined) pick(plot, plot.points[Math.max(0, Math.min(go, plot.points.length - 1))]);
      else if (event.key === "+") scale(0.5);
      else if (event.key === "-") scale(2);
      else if (event.key === "0") zoomTo(...full);
      else if (event.key === "Escape") pick(plot, null);
      else return;
      event.preventDefault();
    });
  }

  function nearest(plot, where) {
    let best = null;
    let least = NEAR ** 2;
    for (const point of plot.points) {
      const distance = (point.x - where.x) ** 2 + (point.y - where.y) ** 2;
      if (distance < least) { best = point; least = distance; }
    }
    return best;
  }

  function pick(plot, point) {
    for (const each of area.querySelectorAll(".picked")) each.remove();
    tip.hidden = !point;
    picked = point ? { arm: plot.arm, place: point.place } : null;
    if (!point) return;
    plot.node.append(svg("circle", { class: "picked", cx: point.x, cy: point.y, r: 8 }));
    tip.textContent = tell(plot.arm, point.place);
    const place = plot.node.getBoundingClientRect();
    const around = area.getBoundingClientRect();
    const left = place.left - around.left + (point.x * place.width) / plot.node.viewBox.baseVal.width + 14;
    tip.style.left = `${Math.max(0, Math.min(left, around.width - tip.offsetWidth))}px`;
    tip.style.top = `${place.top - around.top + point.y + 14}px`;
  }

  function tell(arm, place) {
    const lines = [`request ${arm.id[place]} of ${arm.arm}`];
    lines.push(`${data.outcomes[outcomes[arm.outcome[place]]].word} after ${time(Math.max(arm.took_ms[place], 0))}, status ${arm.status[place] || "none"}`);
    lines.push(`sent at ${(arm.sent_ms[place] / 1000).toFixed(3)} s`);
    if (arm.guarded && arm.state[place] >= 0) lines.push(`breaker ${states[arm.state[place]]}, ${arm.failures[place]} failures counted`);
    if (arm.served[place] >= 0) lines.push(`served: ${data.served[arm.served[place]]}`);
    if (data.outcomes[outcomes[arm.outcome[place]]].word === "fast-fail" && arm.would_have[place] >= 0) lines.push(`the backend would have said: ${data.would_have[arm.would_have[place]]}`);
    return lines.join("\n");
  }
})();
