// How outcomes and states look: always the same colour and the same shape, as in the reports. The service says how.

import { schema } from "./schema.js";

export const { outcomes: OUTCOMES, states: STATES } = schema.looks;

/** A stretch of time in which the page was not connected. */
export const GONE = { word: "not connected", colour: "#8b949e", path: "M0 4H8" };

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
