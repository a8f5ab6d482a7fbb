// Put the parts together: batches come in, the parts show them.

import * as breaker from "./breaker.js";
import { Chart } from "./chart.js";
import { Counts } from "./counts.js";
import { Faults, Settings } from "./knobs.js";
import { ask, connect } from "./live.js";
import { schema } from "./schema.js";
import { clock, say } from "./words.js";

const find = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const chart = new Chart(find("chart"));
const counts = new Counts();
const faults = new Faults();
const settings = new Settings();
find("log-out").hidden = !schema.has_login;

let instance = null;
let lastSeq = 0;
let offset = null; // from this page's clock to the service's, seconds
let connected = null;
let lastDrawn = 0;

function told(batch) {
  const local = performance.now() / 1000;
  const fresh = batch.instance !== instance;
  if (fresh) {
    if (instance !== null) restarted();
    instance = batch.instance;
    lastSeq = 0;
    offset = null;
  }
  const ahead = batch.breaker.now_s - local;
  offset = offset === null || ahead > offset ? ahead : offset + 0.05 * (ahead - offset);
  batch.transitions = batch.transitions.filter((each) => each.seq > lastSeq);
  lastSeq = batch.transitions.at(-1)?.seq ?? lastSeq;
  chart.add(batch);
  counts.add(batch);
  breaker.show(batch);
  if (fresh || batch.transitions.length) breaker.list(batch.transitions, batch.breaker.now_s, fresh);
  settings.show(batch);
  traffic(batch.traffic);
}

function restarted() {
  chart.clear();
  counts.clear();
  faults.look();
  settings.restart();
  say(find("announce"), "The client was restarted; its counts start from zero.");
}

function changed(now) {
  if (now === connected) return;
  const before = connected;
  connected = now;
  document.body.dataset.connection = now ? "live" : "lost";
  say(find("connection-text"), now ? "Live" : "Not connected");
  find("offline").hidden = now;
  if (now) {
    for (const gap of chart.gaps) gap.to ??= performance.now() / 1000 + (offset ?? 0);
    if (before === false) faults.look();
  } else {
    breaker.doubt();
    say(find("offline"), `Not connected to the client since ${clock(Date.now())}. The page shows the last known state. The page tries to reconnect every second.`);
    if (offset !== null) chart.gaps.push({ from: performance.now() / 1000 + offset, to: null });
  }
}

function traffic({ on, rate_per_s, left_s, lasts_s }) {
  const button = find("traffic");
  button.dataset.on = on;
  button.title = `${rate_per_s} requests per second for ${lasts_s} seconds, sent by the client itself`;
  say(button, on ? `Stop the traffic (${Math.ceil(left_s)} s left)` : "Send test traffic");
}

find("traffic").addEventListener("click", async (event) => {
  const answer = await ask(event.currentTarget.dataset.on === "true" ? "DELETE" : "PUT", "traffic");
  if (answer.ok) traffic(answer.body);
});

for (const button of document.querySelectorAll("[data-by-hand]")) {
  button.addEventListener("click", async () => {
    const answer = await ask("POST", `breaker/${button.dataset.byHand}`);
    say(find("by-hand-said"), answer.ok ? "" : answer.problem);
  });
}

find("span").addEventListener("change", (event) => {
  chart.spanS = Number(event.target.value);
  counts.summarise(chart);
});

function frame() {
  if (!document.hidden && offset !== null && connected !== null) chart.draw(performance.now() / 1000 + offset);
}

setInterval(() => {
  if (connected) {
    breaker.tick();
    breaker.announce();
  }
  const now = performance.now();
  if (now - lastDrawn >= (still.matches ? 1000 : 200)) {
    lastDrawn = now;
    requestAnimationFrame(frame);
  }
}, 100);
setInterval(() => counts.summarise(chart), 1000);

connect(told, changed);
