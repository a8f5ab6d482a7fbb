// Numbers and times as words.

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(Math.round(number));

export const share = (part, of) => (of > 0 ? `${percent(part / of)}` : "–");

export function percent(value) {
  const times = 100 * value;
  return `${times > 0 && times < 10 || times > 90 && times < 100 ? times.toFixed(1) : Math.round(times)} %`;
}

export function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const all = Math.floor(seconds);
  const parts = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return parts[0] ? `${parts[0]} h ${parts[1]} min` : `${parts[1]} min ${parts[2]} s`;
}

export const clock = (milliseconds) => new Date(milliseconds).toLocaleTimeString("en-GB");

export const some = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

/** Set an element's text, where it is another: nothing is laid out, or read out, for the same words again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
