// What the reader types, coloured by its tokens.

const LIVE = { characters: 100_000, tokens: 4_000 };
const LIVE_PLAIN = "Tokenizers cut text into pieces.";
const LIVE_SAMPLE = "Tokenizers cut text into pieces: naïve, 12345, 日本語 and 👩‍🚀 cost more than “the”.";

class Live {
  constructor(tokenizer, entry) {
    this.tokenizer = tokenizer;
    this.entry = entry;
    this.text = byId("live-text");
    this.text.value = this._canEncode(LIVE_SAMPLE) ? LIVE_SAMPLE : LIVE_PLAIN;
    const again = later(() => this.run(), 60);
    this.text.addEventListener("input", again);
    for (const box of ["live-specials", "live-ids"]) byId(box).addEventListener("change", () => this.run());
    this.run();
  }

  _canEncode(text) {
    try {
      this.tokenizer.encode(text);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return false;
    }
  }

  replay(text, specials) {
    this.text.value = text;
    byId("live-specials").checked = specials;
    this.run();
    byId("try").scrollIntoView();
    this.text.focus({ preventScroll: true });
  }

  run() {
    const text = this.text.value;
    const refusal = byId("live-refusal");
    refusal.hidden = true;
    try {
      if (text.length > LIVE.characters) throw new Refusal(`it is longer than ${plural(LIVE.characters, "character")}`);
      this._show(text, this.tokenizer.encode(text, { specials: byId("live-specials").checked }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal.hidden = false;
      refusal.textContent = `This text is not encoded: ${error.message}.`;
      byId("live-tokens").replaceChildren();
      byId("live-counts").replaceChildren();
    }
  }

  _show(text, tokens) {
    const withIds = byId("live-ids").checked;
    const shown = tokens.slice(0, LIVE.tokens).map(({ id, piece }, k) => {
      const begins = k > 0 && tokens[k - 1].piece !== piece;
      const token = element("a", { class: `t t${k % 5}${begins ? " begins" : ""}`, href: `#token-${id}`, "data-token": id });
      token.append(element("code", {}, visible(this.entry.shown(id), 64)));
      if (withIds) token.append(element("small", {}, String(id)));
      return token;
    });
    if (tokens.length > LIVE.tokens) shown.push(element("span", { class: "more" }, `and ${grouped(tokens.length - LIVE.tokens)} more`));
    byId("live-tokens").replaceChildren(...shown);
    this._count(text, tokens);
  }

  _count(text, tokens) {
    const bytes = new TextEncoder().encode(text).length;
    const list = byId("live-counts");
    list.replaceChildren();
    const add = (name, value) => list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
    add("tokens", grouped(tokens.length));
    add("characters", grouped([...text].length));
    add("bytes", grouped(bytes));
    add("bytes a token", tokens.length ? (bytes / tokens.length).toFixed(2) : "–");
  }
}

function refuseLive(reason) {
  byId("live").classList.add("off");
  for (const control of byId("live").querySelectorAll("textarea, input")) control.disabled = true;
  byId("live-refusal").hidden = false;
  byId("live-refusal").textContent = `The page does not run this tokenizer: ${reason}.`;
}
