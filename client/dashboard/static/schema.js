// What the service says once, at the start: the settings with their ranges, the policies, how outcomes and states look.

import { ask } from "./live.js";

const AGAIN_MS = 1000;

/** Ask until the service answers. */
export async function readSchema() {
  for (;;) {
    const answer = await ask("GET", "config/schema");
    if (answer.ok) return answer.body;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

export const schema = await readSchema();
