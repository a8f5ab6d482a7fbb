// The strip chart: each request a point, the breaker's state as a band behind. Drawn by hand on a canvas, since points in
// six shapes over bands are what a charting library would leave to its hooks anyway.

import { GONE, OUTCOMES, STATES } from "./outcomes.js";

const LOWEST_MS = 0.001;
const DECADES = 7;
const TICKS = ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"];
const KEPT = 4000; // points of each outcome; beyond that older ones are thinned out
const OLDEST_S = 310;
const RADIUS = 4;
const BANDS = [...Object.values(STATES).filter((look) => look.path), GONE]; // a state without a pattern is not drawn

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.spanS = 120;
    this.sprites = {};
    this.patterns = new Map();
    this.clear();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize());
    this.resize();
  }

  clear() {
    this.points = Object.fromEntries(Object.keys(OUTCOMES).map((name) => [name, { at: [], ms: [] }]));
    this.thinnedTo = -Infinity; // up to here points were left out
    this.moves = [];
    this.gaps = [];
    this.state = null;
    this.since = 0;
  }

  resize() {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    const style = getComputedStyle(this.canvas);
    this.ink = style.getPropertyValue("--ink");
    this.soft = style.getPropertyValue("--soft");
    this.grid = style.getPropertyValue("--grid");
    this.card = style.getPropertyValue("--card");
    for (const [name, look] of Object.entries(OUTCOMES)) this.sprites[name] = this.sprite(look);
    for (const look of BANDS) this.patterns.set(look, this.pattern(look));
  }

  sprite(look) {
    const size = Math.ceil(2 * (RADIUS + 1) * this.ratio);
    const made = document.createElement("canvas");
    made.width = made.height = size;
    const brush = made.getContext("2d");
    brush.translate(size / 2, size / 2);
    brush.scale(RADIUS * this.ratio, RADIUS * this.ratio);
    const path = new Path2D(look.path);
    brush.strokeStyle = this.card;
    brush.lineWidth = 0.3;
    brush.stroke(path);
    brush.fillStyle = look.colour;
    brush.fill(path);
    return made;
  }

  pattern(look) {
    const made = document.createElement("canvas");
    made.width = made.height = 8 * this.ratio;
    const brush = made.getContext("2d");
    brush.scale(this.ratio, this.ratio);
    brush.globalAlpha = 0.14;
    brush.fillStyle = look.colour;
    brush.fillRect(0, 0, 8, 8);
    brush.globalAlpha = 0.45;
    brush.strokeStyle = look.colour;
    brush.lineCap = "round";
    brush.stroke(new Path2D(look.path));
    return this.context.createPattern(made, "repeat");
  }

  /** Take in a batch: its points and transitions, times in the service's seconds. */
  add(batch) {
    const now = batch.breaker.now_s;
    for (const [name, points] of Object.entries(batch.calls.points)) {
      const kept = this.points[name];
      for (const [ago, ms] of points) {
        kept.at.push(now - ago);
        kept.ms.push(ms);
      }
      if (kept.at.length > KEPT) {
        this.thinnedTo = Math.max(this.thinnedTo, kept.at[Math.floor(kept.at.length / 2)]);
        thin(kept);
      }
    }
    this.moves.push(...batch.transitions);
    this.state = batch.breaker.state;
    this.since = now - batch.breaker.in_state_s;
    const oldest = now - OLDEST_S;
    while (this.moves.length > 1 && this.moves[1].at < oldest) this.moves.shift();
    for (const kept of Object.values(this.points)) {
      const old = kept.at.findIndex((at) => at >= oldest);
      if (old > 500 || old < 0) {
        kept.at.splice(0, old < 0 ? kept.at.length : old);
        kept.ms.splice(0, old < 0 ? kept.ms.length : old);
      }
    }
  }

  /** How many points there are from `begin` on. */
  held(begin) {
    return Object.values(this.points).reduce((sum, kept) => sum + kept.at.filter((at) => at >= begin).length, 0);
  }

  /** The state over time: [from, to, state], oldest first. */
  *bands(now) {
    if (!this.moves.length) {
      if (this.state) yield [this.since, now, this.state];
      return;
    }
    yield [-Infinity, this.moves[0].at, this.moves[0].before];
    for (const [index, move] of this.moves.entries()) {
      yield [move.at, this.moves[index + 1]?.at ?? now, move.after];
    }
  }

  /** Draw what there is up to `now`, in the service's seconds. */
  draw(now) {
    const { context, ratio, width, height } = this;
    if (!width) return;
    const left = width < 500 ? 52 : 56;
    const right = width - 8;
    const top = 22;
    const bottom = height - 24;
    const begin = now - this.spanS;
    const across = (at) => left + ((at - begin) / this.spanS) * (right - left);
    const up = (ms) => bottom - 6 - (Math.log10(ms / LOWEST_MS) / DECADES) * (bottom - top - 12);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";

    const known = this.gaps.at(-1)?.to === null ? this.gaps.at(-1).from : now;
    const bands = [...this.bands(known)].map(([from, to, state]) => [from, to, STATES[state]]);
    for (const gap of this.gaps) bands.push([gap.from, gap.to ?? now, GONE]);
    for (const [from, to, look] of bands) {
      if (to <= begin || !look.path) continue;
      const x = across(Math.max(begin, from));
      const wide = Math.max(1, across(Math.min(now, to)) - x);
      context.fillStyle = this.patterns.get(look);
      context.fillRect(x, top, wide, bottom - top);
      context.fillStyle = look.colour;
      context.fillRect(x, top - 3, wide, 3);
      context.fillStyle = this.soft;
      context.textAlign = "left";
      if (context.measureText(look.word).width + 4 < wide) context.fillText(look.word, x + 2, top - 12);
    }

    context.strokeStyle = this.grid;
    context.lineWidth = 1;
    context.fillStyle = this.soft;
    context.textAlign = "right";
    TICKS.forEach((word, index) => {
      const y = Math.round(up(LOWEST_MS * 10 ** index)) + 0.5;
      line(context, left, y, right, y);
      context.fillText(word, left - 8, y);
    });
    const step = this.spanS / (width < 500 ? 4 : 6);
    for (let ago = 0; ago <= this.spanS; ago += step) {
      const x = Math.round(across(now - ago)) + 0.5;
      line(context, x, bottom, x, bottom + 4);
      context.textAlign = ago === 0 ? "right" : ago === this.spanS ? "left" : "center";
      context.fillText(ago === 0 ? "now" : `${Math.round(ago)} s${ago === this.spanS && width >= 500 ? " ago" : ""}`, x, bottom + 14);
    }

    context.setTransform(1, 0, 0, 1, 0, 0);
    for (const [name, kept] of Object.entries(this.points)) {
      const sprite = this.sprites[name];
      const half = sprite.width / 2;
      for (let index = kept.at.length - 1; index >= 0 && kept.at[index] >= begin; index--) {
        const ms = Math.min(LOWEST_MS * 10 ** DECADES, Math.max(LOWEST_MS, kept.ms[index]));
        context.drawImage(sprite, across(kept.at[index]) * ratio - half, up(ms) * ratio - half);
      }
    }
  }
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

/** Leave out every other point of the older half. */
function thin(kept) {
  const half = kept.at.length / 2;
  kept.ms = kept.ms.filter((_, index) => index > half || index % 2);
  kept.at = kept.at.filter((_, index) => index > half || index % 2);
}
