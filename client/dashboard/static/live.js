// The event stream, kept up: EventSource gives up for good on a bad answer, and does not notice a service that hangs.

const SILENT_MS = 4000; // the service says something each second
const AGAIN_MS = 1000;

/** Call `told(batch)` for each batch, and `changed(connected)` when the connection comes or goes. */
export function connect(told, changed) {
  let source;
  let silence;

  function open() {
    source = new EventSource("events?calls=sampled");
    source.addEventListener("batch", (event) => {
      watch();
      changed(true);
      told(JSON.parse(event.data));
    });
    source.addEventListener("error", lost);
    watch();
  }

  function watch() {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENT_MS);
  }

  function lost() {
    clearTimeout(silence);
    source.close();
    changed(false);
    ask("GET", "stats"); // the stream does not say why it ended: perhaps one has to log in again
    setTimeout(open, AGAIN_MS);
  }

  open();
}

/** Ask the client; resolves to {ok, body, problem}: `problem` is what went wrong in words, with `errors` by field. */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      cache: "no-store",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(8000),
    });
  } catch {
    return { ok: false, status: 0, problem: "The client does not answer. Is it running?", errors: [] };
  }
  if (answer.status === 401) location.reload(); // to the log-in form
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return { ok: true, status: answer.status, body: said };
  const problem = said.detail || `The client answered ${answer.status}.`;
  return { ok: false, status: answer.status, problem, errors: said.errors || [] };
}
