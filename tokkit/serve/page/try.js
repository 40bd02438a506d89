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
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  return body;
}

async function listModels() {
  const { data } = await send("v1/models", {});
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
    if (!logprobs) return piece(character, "drawn");
    const size = encoder.encode(character).length;
    const figure = logprobs.slice(place, place + size).reduce((sum, each) => sum + each, 0);
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
    model, prompt: before, suffix: after, byte_logprobs: true,
    temperature: Number(byId("temperature").value), max_tokens: Number(byId("tokens").value),
  };
  const out = card.querySelector("pre");
  const figures = card.querySelector(".figures");
  try {
    const began = performance.now();
    const answer = await send("v1/completions", { method: "POST", body: JSON.stringify(fields), signal });
    const choice = answer.choices[0];
    out.replaceChildren(
      piece(before.slice(-AROUND), "around"), ...drawn(choice.text, choice.byte_logprobs),
      piece(after.slice(0, AROUND), "around"),
    );
    const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    const n = choice.byte_logprobs.length;
    const bits = -choice.byte_logprobs.reduce((sum, each) => sum + each, 0) / Math.LN2 / Math.max(n, 1);
    figures.textContent = `${n} bytes, ${bits.toFixed(2)} bits a byte, ${seconds}`;
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
