// How outcomes and states look: always the same colour and the same shape, as in the reports.
// Colours are Okabe and Ito's. A shape is drawn into a box from -1 to 1.

export const OUTCOMES = {
  ok: { word: "ok", colour: "#009e73", path: "M-.8 0A.8 .8 0 1 0 .8 0A.8 .8 0 1 0 -.8 0Z" },
  error: { word: "error", colour: "#d55e00", path: "M-.9 -.5L-.5 -.9 0 -.4 .5 -.9 .9 -.5 .4 0 .9 .5 .5 .9 0 .4 -.5 .9 -.9 .5 -.4 0Z" },
  timeout: { word: "timeout", colour: "#cc79a7", path: "M-.75 -.75H.75V.75H-.75Z" },
  fast_fail: { word: "fast-fail", colour: "#56b4e9", path: "M-.9 -.7H.9L0 .9Z" },
  rejected: { word: "rejected", colour: "#f0e442", path: "M-.3 -.9H.3V-.3H.9V.3H.3V.9H-.3V.3H-.9V-.3H-.3Z" },
  cancelled: { word: "cancelled", colour: "#999999", path: "M0 -.95L.25 -.3 .95 -.3 .4 .15 .6 .9 0 .45 -.6 .9 -.4 .15 -.95 -.3 -.25 -.3Z" },
};

export const STATES = {
  open: { colour: "#0072b2", pattern: "M-2 10L10 -2M-2 2L2 -2M6 10L10 6" },
  "half-open": { colour: "#e69f00", pattern: "M2 2h.1M6 6h.1" },
  gone: { colour: "#8b949e", pattern: "M0 4H8" },
};

/** An SVG picture of an outcome's shape, for the legend. */
export function icon(outcome) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-1.2 -1.2 2.4 2.4");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", OUTCOMES[outcome].path);
  path.setAttribute("fill", OUTCOMES[outcome].colour);
  svg.append(path);
  return svg;
}
