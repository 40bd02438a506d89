// Searching the vocabulary. All functions give ids, ascending.

class VocabularySearch {
  constructor(vocabulary, shown) {
    this.vocabulary = vocabulary;
    this.shown = shown;
  }

  // `among`: ids to look through, ascending, or null for all.
  run({ text, mode, fold, among }) {
    const ids = among ?? Array.from({ length: this.vocabulary.size }, (_, id) => id);
    if (!text) return ids;
    if (mode === "id") return this._byId(text, ids);
    if (mode === "pattern") return this._byPattern(text, fold, ids);
    return this._byText(text, mode, fold, ids);
  }

  _byId(text, ids) {
    const wanted = new Set(text.split(/[\s,]+/).map(Number));
    return ids.filter((id) => wanted.has(id));
  }

  _byPattern(text, fold, ids) {
    const pattern = new RegExp(text, fold ? "iu" : "u"); // the caller shows what is wrong with it
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return ids.filter((id) => pattern.test(decoder.decode(this.shown(id))));
  }

  _byText(text, mode, fold, ids) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const lowered = (value) => (fold ? value.toLowerCase() : value);
    const wanted = lowered(text);
    const test = {
      contains: (value) => value.includes(wanted),
      prefix: (value) => value.startsWith(wanted),
      exact: (value) => value === wanted,
    }[mode];
    const found = ids.filter((id) => test(lowered(decoder.decode(this.shown(id)))));
    const id = Number(text);
    if (/^\d+$/.test(text) && mode === "contains" && id < this.vocabulary.size && !found.includes(id)) found.unshift(id);
    return found;
  }
}
