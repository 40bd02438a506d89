// Ask each chosen model for what stands at the cursor; a new question cancels the one before it.

const AROUND = 60;
const WAIT = 350;
let asking = new AbortController();
let timer = 0;

function headers() {
  const key = byId("key").value;
  return key ? { "Authorization": `Bearer ${key}` } : {};
}

async function send(path, options) {
  const answer = await fetch(path, { ...options, headers: headers() });
  if (answer.status === 401) byId("key-label").hidden = false;
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  return answer;
}

// The events of a stream, each an object, until [DONE].
async function* events(path, options) {
  const reader = (await send(path, options)).body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the answer was cut off");
    const whole = (held + value).split("\n\n");
    held = whole.pop();
    for (const line of whole) {
      const said = line.slice("data: ".length);
      if (said === "[DONE]") return;
      const told = JSON.parse(said);
      if (told.error) throw new Error(told.error.message);
      yield told;
    }
  }
}

async function listModels() {
  const { data } = await (await send("v1/models", {})).json();
  byId("models").replaceChildren(...data.map((model, k) => {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = model.id;
    box.checked = k < 3;
    const label = document.createElement("label");
    label.append(box, ` ${model.id}`);
    return label;
  }));
}

function chosen() {
  return [...byId("models").querySelectorAll("input:checked")].map((box) => box.value);
}

function piece(text, kind) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

// Characters, each with the probability of its bytes; the last may lack some.
function drawn(text, logprobs) {
  const encoder = new TextEncoder();
  let place = 0;
  return Array.from(text, (character) => {
    const size = encoder.encode(character).length;
    const figure = logprobs.slice(place, place + size).reduce((sum, each) => sum + (each ?? -Infinity), 0);
    place += size;
    const probability = Math.exp(figure);
    const span = piece(character, "drawn");
    span.dataset.p = [0.02, 0.15, 0.45, 0.8].filter((bound) => probability >= bound).length;
    span.title = `${(100 * probability).toFixed(1)} %`;
    return span;
  });
}

async function complete(model, card, before, after, signal) {
  const fields = {
    model, prompt: before, suffix: after, byte_logprobs: true, stream: true,
    temperature: Number(byId("temperature").value), max_tokens: Number(byId("tokens").value),
  };
  const out = card.querySelector("pre");
  const figures = card.querySelector(".figures");
  try {
    const began = performance.now();
    const logprobs = [];
    let text = "";
    for await (const { choices: [choice] } of events("v1/completions", {
      method: "POST", body: JSON.stringify(fields), signal,
    })) {
      text += choice.text;
      logprobs.push(...(choice.byte_logprobs ?? []));
      out.replaceChildren(
        piece(before.slice(-AROUND), "around"), ...drawn(text, logprobs), piece(after.slice(0, AROUND), "around"),
      );
    }
    const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    const n = logprobs.length;
    const bits = -logprobs.reduce((sum, each) => sum + each, 0) / Math.LN2 / n;
    figures.textContent = n ? `${n} byte${n > 1 ? "s" : ""}, ${bits.toFixed(2)} bits a byte, ${seconds}`
      : `nothing more, ${seconds}`;
  } catch (error) {
    if (error.name === "AbortError") return;
    out.replaceChildren(piece(error.message, "error"));
    figures.textContent = "";
  }
}

async function ask() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const text = byId("prompt");
  const before = text.value.slice(0, text.selectionStart);
  const after = text.value.slice(text.selectionStart) + byId("suffix").value;
  const cards = chosen().map((model) => {
    const card = document.createElement("article");
    card.className = "answer";
    const title = document.createElement("h2");
    title.textContent = model;
    const figures = document.createElement("p");
    figures.className = "figures";
    card.append(title, document.createElement("pre"), figures);
    card.querySelector("pre").textContent = "…";
    return [model, card];
  });
  byId("answers").replaceChildren(...cards.map(([, card]) => card));
  byId("state").textContent = "asking…";
  await Promise.all(cards.map(([model, card]) => complete(model, card, before, after, signal)));
  if (!signal.aborted) byId("state").textContent = "";
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT);
}

async function start() {
  startTheme(() => {});
  const text = byId("prompt");
  text.setSelectionRange(text.value.length, text.value.length);
  let place = text.selectionStart;
  byId("ask").addEventListener("input", later);
  document.addEventListener("selectionchange", () => {
    if (document.activeElement === text && text.selectionStart !== place) {
      place = text.selectionStart;
      later();
    }
  });
  byId("ask").addEventListener("submit", (event) => event.preventDefault());
  byId("key").addEventListener("change", () => listModels().then(ask));
  try {
    await listModels();
    await ask();
  } catch (error) {
    byId("state").textContent = error.message;
  }
}

start();
