// Text to ids: cut out added tokens, normalise what lies between them, put a space before it, split,
// encode each piece (tokkit/text/stretches.py).

class Tokenizer {
  constructor(vocabulary, streams, engine) {
    this.vocabulary = vocabulary;
    this.prefixSpace = engine.prefixSpace;
    this.prefixUnit = engine.prefixUnit;
    this.prefixAlone = engine.prefixAlone;
    this.raw = new AddedTokens(engine.added.filter(({ normalized }) => !normalized));
    this.normalized = new AddedTokens(engine.added.filter(({ normalized }) => normalized));
    this.normalize = compileNormalizer(engine.normalizer, streams);
    this.rename = compileNormalizer(engine.renaming, streams);
    this.scanners = engine.scanners && new Scanners(streams, engine.scanners);
    this.model = new MODELS[vocabulary.about.family](vocabulary, streams);
  }

  // Compares with the ids that tokkit gave for the sample texts; throws a Refusal if one differs.
  check(samples) {
    for (const [text, expected] of samples) {
      let sum = null;
      try {
        sum = checksum(this.encode(text).map(({ id }) => id));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (expected !== null) throw error;
      }
      if (sum !== expected) throw new Refusal("its ids for a sample text differ from tokkit's in this browser");
    }
  }

  // [{id, piece}] of a text; `piece` numbers the pieces of the pretokenizer.
  encode(text, { specials = false } = {}) {
    if (/\p{Surrogate}/u.test(text)) throw new Refusal("it holds half of a surrogate pair, which is no text");
    this.tokens = [];
    this.piece = 0;
    let begins = true;
    for (const [raw, id] of this.raw.cut(text, specials)) {
      if (id !== null) this._emit(id);
      else {
        const text = this.normalize(raw);
        if (text || !this.prefixAlone) this._encodeBetween(this._asPrefixed(text), specials, begins);
        else this._encodeBetween(" ", specials, begins);
      }
      begins = false;
    }
    return this.tokens;
  }

  _emit(id) {
    this.tokens.push({ id, piece: this.piece++ });
  }

  _encodeBetween(text, specials, begins) {
    for (const [part, id] of this.normalized.cut(text, specials)) {
      if (id !== null) this._emit(id);
      else {
        const prefixed = this.prefixUnit === "stretch" || (this.prefixUnit === "first_stretch" && begins);
        const renamed = this.rename(part);
        this._encodeStretch(new TextEncoder().encode(prefixed ? this._withPrefix(renamed) : renamed));
      }
      begins = false;
    }
  }

  _asPrefixed(text) {
    return this.prefixUnit === "normalized" ? this._withPrefix(text) : text;
  }

  _withPrefix(text) {
    const rule = this.prefixSpace;
    if (!text || rule === "never" || (rule === "unless_space" && text[0] === " ")) return text;
    return ` ${text}`;
  }

  _encodeStretch(text) {
    if (!text.length) return;
    const pieces = this.scanners ? this.scanners.split(text) : [[0, text.length]];
    for (const [start, end] of pieces) {
      for (const id of this.model.encodePiece(text, start, end)) this.tokens.push({ id, piece: this.piece });
      this.piece++;
    }
  }
}

// One set of added tokens (tokkit/text/added_tokens.py); of those with one text the last counts.
class AddedTokens {
  constructor(tokens) {
    this.tokens = new Map(tokens.map((token) => [token.text, token]));
    this.lengths = new Map(); // first unit -> lengths, the longest first
    for (const text of this.tokens.keys()) {
      this.lengths.set(text[0], (this.lengths.get(text[0]) ?? new Set()).add(text.length));
    }
    for (const [first, lengths] of this.lengths) this.lengths.set(first, [...lengths].sort((a, b) => b - a));
  }

  // The longest token at each place, from left to right, with its start.
  *matches(text) {
    for (let i = 0; this.tokens.size && i < text.length; ) {
      const length = (this.lengths.get(text[i]) ?? []).find((size) => this.tokens.has(text.slice(i, i + size)));
      if (length) yield [i, this.tokens.get(text.slice(i, i + length))];
      i += length ?? 1;
    }
  }

  // Tokens with their ids, and what lies between with null, in order.
  cut(text, specials) {
    const parts = [];
    let done = 0;
    for (const [found, token] of this.matches(text)) {
      if (token.special && !specials) continue;
      let start = found;
      let stop = found + token.text.length;
      if (token.lstrip) start = Math.max(done, start - SPACE_AT_END.exec(text.slice(0, start))[0].length);
      if (token.rstrip) stop += SPACE_AT_START.exec(text.slice(stop))[0].length;
      if (start > done) parts.push([text.slice(done, start), null]);
      parts.push([token.text, token.id]);
      done = stop;
    }
    if (done < text.length) parts.push([text.slice(done), null]);
    return parts;
  }
}

const SPACE_AT_START = new RegExp(`^[${WHITE_SPACE}]*`);
const SPACE_AT_END = new RegExp(`[${WHITE_SPACE}]*$`);
