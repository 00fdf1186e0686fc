// The HTTP API and its live stream. The stream is read with fetch, since EventSource cannot send a token.

const KEY = "buildcast-token";
let asking = null;

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ? `${problem.detail}: ${problem.remedy}` : `the server answered ${status}`);
    this.status = status;
  }
}

// One dialog, however many requests wait for it.
function askForToken() {
  if (asking) return asking;
  const dialog = document.getElementById("token-dialog");
  const field = document.getElementById("token");
  asking = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      sessionStorage.setItem(KEY, field.value.trim());
      field.value = "";
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

async function call(path, options = {}) {
  for (;;) {
    const answer = await fetch(`/api/v1/${path}`, { ...options, headers: { ...headers(), ...(options.headers || {}) } });
    if (answer.status === 401) {
      await askForToken();
      continue;
    }
    const body = answer.status === 204 ? null : await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(answer.status, body);
    return body;
  }
}

export const get = (path) => call(path);
export const post = (path, value = {}) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });

// A browser opens six connections to a server: a page that is not seen lets its own go, and catches up when seen again.
function seen() {
  if (document.visibilityState === "visible") return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true })).then(seen);
}

function untilUnseen() {
  const ending = new AbortController();
  const end = () => document.visibilityState === "hidden" && ending.abort();
  document.addEventListener("visibilitychange", end, { signal: ending.signal });
  window.addEventListener("pagehide", () => ending.abort(), { signal: ending.signal });
  return ending.signal;
}

// Follows the stream for ever: `on(kind, data)` for messages, `state(text)` for "live" and "reconnecting".
export async function follow(on, state) {
  let last = "";
  let wait = 500;
  for (let first = true; ; first = false) {
    await seen();
    try {
      const answer = await fetch("/api/v1/stream", { signal: untilUnseen(), headers: { ...headers(), ...(last ? { "Last-Event-ID": last } : {}) } });
      if (answer.status === 401) {
        await askForToken();
        continue;
      }
      if (!answer.ok) throw new Error(`stream answered ${answer.status}`);
      state("live");
      wait = 500;
      if (!first && !last) on("reset", {});
      for await (const message of messages(answer.body)) {
        if (message.id) last = message.id;
        on(message.kind, JSON.parse(message.data));
      }
    } catch (error) {
      if (error.name === "AbortError") continue;
    }
    state("reconnecting");
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(5000, wait * 1.6);
  }
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":"))
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      if (fields.data) yield { id: fields.id, kind: fields.event, data: fields.data };
    }
  }
}
