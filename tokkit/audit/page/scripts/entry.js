// All that is known of one token.

const PARTS_SHOWN = 60;

class Entry {
  constructor(vocabulary, specialTexts, replay) {
    this.vocabulary = vocabulary;
    this.specialTexts = specialTexts; // id -> text of a control token
    this.replay = replay;
    this.node = byId("entry");
  }

  // What to show for a token: its bytes, or the text of a control token.
  shown(id) {
    const special = this.specialTexts.get(id);
    return special === undefined ? this.vocabulary.bytesOf(id) : new TextEncoder().encode(special);
  }

  label(id, limit = 40) {
    return visibleText(this.shown(id), limit);
  }

  chip(id) {
    return element("a", { class: "chip", href: `#token-${id}` }, element("code", {}, visible(this.shown(id), 32)), element("small", {}, String(id)));
  }

  show(id) {
    const head = element("h3", {}, element("code", {}, visible(this.shown(id), 120)));
    this.node.replaceChildren(head, this._facts(id), ...this._witness(id), ...this._tree(id), ...this._parts(id));
    this.node.dataset.token = id;
  }

  _facts(id) {
    const { words, status, reasons } = this.vocabulary;
    const bytes = this.vocabulary.bytesOf(id);
    const word = words[status[id]];
    const reason = words[reasons[id]];
    const list = element("dl", { class: "about" });
    const add = (name, ...value) => list.append(element("dt", {}, name), element("dd", {}, ...value));
    add("id", grouped(id));
    add("status", element("span", { class: `status ${word}` }, word), reason ? ` ${reason}` : "");
    add("bytes", bytes.length ? element("code", { class: "bytes" }, Array.from(bytes.subarray(0, 64), hex).join(" ")) : "none", bytes.length > 64 ? " …" : "");
    if (bytes.length) add("length", `${plural(bytes.length, "byte")}, ${plural(charactersOf(bytes).length, "character")}`);
    if (this.vocabulary.rank && this.vocabulary.rank[id] >= 0) {
      add("made by", `merge ${grouped(this.vocabulary.rank[id] + 1)} of the ${grouped(this.vocabulary.merges)} that can take place`);
    }
    return list;
  }

  _witness(id) {
    const witness = this.vocabulary.witnessOf(id);
    if (!witness?.length) return [];
    const parts = [element("h4", {}, "A text that holds it"), element("p", {}, element("code", { class: "block" }, visible(witness)))];
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(witness);
      const button = element("button", { type: "button", class: "replay" }, "Try it above");
      button.addEventListener("click", () => this.replay(text, false));
      parts.push(button);
    } catch {
      parts.push(element("p", { class: "hint" }, "It is no UTF-8, so it cannot be typed here."));
    }
    return parts;
  }

  _tree(id) {
    if (!this.vocabulary.left || this.vocabulary.left[id] < 0) return [];
    const tree = mergeTree(this.vocabulary, id, (token) => this.label(token, 24));
    return [element("h4", {}, "How merges make it"), element("div", { class: "scroll tree-box", tabindex: "0" }, tree)];
  }

  _parts(id) {
    const whole = this.vocabulary.partOf(id);
    if (!whole.length) return [];
    const chips = element("p", { class: "chips" }, ...whole.slice(0, PARTS_SHOWN).map((other) => this.chip(other)));
    if (whole.length > PARTS_SHOWN) chips.append(element("span", { class: "more" }, `and ${grouped(whole.length - PARTS_SHOWN)} more`));
    return [element("h4", {}, `A half of ${plural(whole.length, "token")}`), chips];
  }
}
