// The breaker: three states with the current one lit, time, failures, countdown, transitions with their cause.

import { clock, count, duration, percent, say, some } from "./words.js";

const find = (id) => document.getElementById(id);
const SHOWN = 100;
const ANNOUNCE_MS = 3000;
const LAG_S = 0.05;

let breaker = null;
let receivedAt = 0;
let unannounced = [];
let announcedAt = -Infinity;

/** Show the breaker as the latest batch has it. */
export function show(batch) {
  breaker = batch.breaker;
  receivedAt = performance.now();
  for (const item of document.querySelectorAll(".states li")) {
    const lit = item.dataset.state === breaker.state;
    item.classList.toggle("lit", lit);
    item.querySelector(".now").hidden = !lit;
    say(item.querySelector(".now"), "now");
    if (lit) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
  const share = breaker.state === "closed" && (breaker.let_through ?? 1) < 1;
  say(document.querySelector(".states [data-state=closed] .does"), share ? "a share of the calls is refused" : "calls go through; failures are counted");
  say(document.querySelector(".states [data-state=open] .does"), openWords(breaker));
  document.body.dataset.state = breaker.state;
  document.title = `${breaker.state} · Breaker Lab`;
  say(find("guards"), `${breaker.name}, policy ${breaker.policy}`);
  say(find("moves-count"), breaker.transition_count ? `${count(breaker.transition_count)} since the start` : "");
  tick();
}

/** Bring times up to now; the rest is as the latest batch said. */
export function tick() {
  if (breaker === null) return;
  const since = (performance.now() - receivedAt) / 1000;
  say(find("in-state"), duration(breaker.in_state_s + since));
  say(find("in-state-note"), breaker.state === "closed" && breaker.policy === "off" ? "no breaker: no call is refused" : "");
  fact("failures", failures(breaker));
  fact("next", next(breaker, Math.max(0, breaker.retry_after_s - since)));
  shadow(breaker.shadow_report);
  find("diagnosis").hidden = !breaker.diagnosis;
  say(find("diagnosis"), breaker.diagnosis ? `Calls fail, but the breaker cannot open: ${breaker.diagnosis}.` : "");
}

function openWords(now) {
  if (now.held_open) return "calls are refused until somebody closes it";
  return now.next_call_probes ? "its time is over; the next call is a probe" : "calls are refused at once";
}

function fact(id, [label, figure, note = "", filled = null]) {
  say(find(`${id}-label`), label);
  say(find(id), figure);
  say(find(`${id}-note`), note);
  const bar = find(`${id}-bar`);
  bar.parentElement.hidden = filled === null;
  if (filled !== null) bar.style.width = `${100 * Math.min(1, Math.max(0, filled))}%`;
}

function failures(now) {
  const window = now.window;
  switch (now.policy) {
    case "consecutive":
      return ["Failures in a row", `${count(now.fail_count)} of ${count(now.fail_max)}`, "fail_max trips it", now.fail_count / now.fail_max];
    case "failures_in_time":
      return ["Failures", `${count(now.fail_count)} of ${count(now.max_failures)}`, `so many within ${duration(now.window_s)} trip it`, now.fail_count / now.max_failures];
    case "count_window":
    case "time_window": {
      const rate = window.calls ? window.failures / window.calls : 0;
      const enough = window.calls >= now.min_calls ? "" : `; counts from ${count(now.min_calls)} calls on`;
      return ["Failure rate", percent(rate), `${count(window.failures)} of ${some(window.calls, "call")}; trips at ${percent(now.failure_rate)}${enough}`, rate / now.failure_rate];
    }
    case "throttle":
      return ["Not accepted", `${count(window.requests - window.accepts)} of ${count(window.requests)}`, `starts to refuse at ${now.throttle_k} requests for each accepted one`, null];
    case "adaptive":
      return ["Failures", `${count(window.failures)} of ${count(window.calls)}`, `usual: ${percent(now.usual_error_rate_seen)}`, null];
    default:
      return ["Failures", "not counted", `the policy is ${now.policy}`, null];
  }
}

function next(now, left) {
  if (now.policy === "forced_open") return ["Next probe", "none", "open until the policy is changed", null];
  if (now.held_open) return ["Next probe", "none", "open by hand until somebody closes it", null];
  if (now.state === "open") {
    if (left > 0) return ["Next probe in", duration(left), "", now.open_for_s ? left / now.open_for_s : null];
    return ["Next probe", "due", "the next call is the probe", 0];
  }
  if (now.state === "half-open") {
    const wanted = now.probe_success_rate === null ? now.success_threshold : Math.max(1, Math.ceil(now.probe_success_rate * now.probe_calls - 1e-9));
    return ["Probes succeeded", `${count(now.probe_successes)} of ${count(wanted)}`, `${count(now.probes_out)} under way, at most ${count(now.max_probes)}`, now.probe_successes / wanted];
  }
  const through = now.let_through ?? 1;
  return ["Let through", percent(through), through < 1 ? "the rest is refused" : "every call", through];
}

function shadow(report) {
  const place = find("shadow");
  place.hidden = !report;
  if (!report) return;
  say(place, `Shadow policy: ${report.policy}, which would be ${report.state} and would have refused ${some(report.would_refuse, "call")}${report.would_refuse ? `, of which ${count(report.would_refuse_by_result.success)} succeeded` : ""}.`);
}

/** Say that what is shown may no longer be so. */
export function doubt() {
  for (const each of document.querySelectorAll(".states .now")) say(each, "last known");
}

/** Put transitions into the list, the latest first; `reload`: they are all there are. */
export function list(transitions, now_s, reload) {
  const place = find("transitions");
  if (reload) place.replaceChildren();
  for (const each of transitions) {
    const item = document.createElement("li");
    item.append(
      part("time", clock(Date.now() - 1000 * (now_s - each.at))),
      part("span", `${each.before} → `, "before"),
      part("strong", each.after, `badge ${each.after}`),
      part("span", causeOf(each), "cause"),
    );
    place.prepend(item);
  }
  while (place.children.length > SHOWN) place.lastElementChild.remove();
  if (!place.children.length) place.append(part("li", "None yet.", "none"));
  else place.querySelector(".none")?.remove();
  if (!reload) unannounced.push(...transitions);
  announce();
}

/** Say the transitions to a screen reader, not more often than one can listen. */
export function announce() {
  if (!unannounced.length || performance.now() - announcedAt < ANNOUNCE_MS) return;
  const last = unannounced.at(-1);
  const more = unannounced.length > 1 ? `${unannounced.length} transitions. ` : "";
  find("announce").textContent = `${more}The breaker is ${last.after}: ${causeOf(last)}.`;
  unannounced = [];
  announcedAt = performance.now();
}

/** The cause, and the lag of the client's own event loop where it is long enough to have to do with it. */
function causeOf({ cause, loop_lag_s: lag }) {
  return lag >= LAG_S ? `${cause} (own event loop ${duration(lag)} late)` : cause;
}

function part(kind, text, name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  made.className = name;
  return made;
}
