// The figures above the chart, from the service's own counts: differences over the last seconds.

import { OUTCOMES, icon } from "./outcomes.js";
import { count, say, share, some } from "./words.js";

const find = (id) => document.getElementById(id);
const OVER_S = 5;
const KEPT_S = 310;

export class Counts {
  constructor() {
    this.rows = {};
    for (const [name, look] of Object.entries(OUTCOMES)) {
      const row = document.createElement("li");
      const figure = document.createElement("b");
      row.append(icon(name), `${look.word} `, figure);
      find("legend").append(row);
      this.rows[name] = figure;
    }
    this.clear();
  }

  clear() {
    this.book = [];
    this.seen = [];
  }

  /** Take in a batch. */
  add(batch) {
    const at = batch.breaker.now_s;
    this.book.push({ at, ...batch.counts.outcomes, requests: batch.counts.requests, moves: batch.breaker.transition_count });
    this.seen.push({ at, seen: batch.calls.seen, sent: batch.calls.sent });
    while (this.book[1]?.at < at - KEPT_S) this.book.shift();
    while (this.seen[0].at < at - KEPT_S) this.seen.shift();
    const over = this.since(at - OVER_S);
    const seconds = Math.max(1, at - this.start(at - OVER_S).at);
    say(find("rate"), over.requests ? (over.requests / seconds < 10 ? (over.requests / seconds).toFixed(1) : count(over.requests / seconds)) : "0");
    say(find("success"), share(over.ok, over.requests));
    say(find("fast-fail"), share(over.fast_fail, over.requests));
    say(find("in-flight"), count(batch.breaker.in_flight));
    say(find("saved"), count(batch.counts.outcomes.fast_fail));
  }

  /** The latest entry that is not after `at`, or the first. */
  start(at) {
    let low = 0;
    let high = this.book.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.book[middle].at <= at) low = middle;
      else high = middle - 1;
    }
    return this.book[low];
  }

  /** What has been counted since `at`. */
  since(at) {
    const first = this.start(at);
    const last = this.book.at(-1);
    return Object.fromEntries(Object.keys(last).map((name) => [name, last[name] - first[name]]));
  }

  /** Say whether some of the requests of a time are no points. */
  sampling(spanS, span, chart) {
    const begin = this.book.at(-1).at - spanS;
    const shown = this.seen.filter((each) => each.at >= begin);
    const seen = shown.reduce((sum, each) => sum + each.seen, 0);
    let sent = shown.reduce((sum, each) => sum + each.sent, 0);
    if (chart.thinnedTo > begin) sent = Math.min(sent, chart.held(begin));
    say(find("sampling"), sent < seen ? `Points are a sample: ${count(sent)} of ${some(seen, "request")} in the last ${span}; the figures count all of them.` : "Every request is a point.");
  }

  /** Say what the chart shows, in words. */
  summarise(chart) {
    const { spanS } = chart;
    if (!this.book.length) return;
    const over = this.since(this.book.at(-1).at - spanS);
    for (const [name, figure] of Object.entries(this.rows)) {
      say(figure, count(over[name]));
      figure.parentElement.classList.toggle("none", !over[name]);
    }
    const parts = Object.keys(OUTCOMES).filter((name) => over[name]).map((name) => `${count(over[name])} ${OUTCOMES[name].word}`);
    const span = spanS === 60 ? "minute" : `${spanS / 60} minutes`;
    say(find("summary"), over.requests ? `${some(over.requests, "request")} seen in the last ${span}: ${parts.join(", ")}; ${some(over.moves, "transition")}.` : `No requests in the last ${span}.`);
    this.sampling(spanS, span, chart);
  }
}
