// Text to ids: normalise, cut out literals, put a space before it, split, encode each piece
// (tokkit/text/tokenizer.py).

class Tokenizer {
  constructor(vocabulary, streams, engine, specials) {
    this.vocabulary = vocabulary;
    this.prefixSpace = engine.prefixSpace;
    this.specials = specials;
    this.rawLiterals = new Map(Object.entries(engine.rawLiterals));
    this.specialPattern = anyOf(this.specials.keys());
    this.rawLiteralPattern = anyOf(this.rawLiterals.keys());
    this.normalize = compileNormalizer(engine.normalizer, streams);
    this.scanners = engine.scanners && new Scanners(streams, engine.scanners);
    this.model = new MODELS[vocabulary.about.family](vocabulary, streams);
    this._indexLiterals();
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

  _indexLiterals() {
    const { kinds, size, starts, blob } = this.vocabulary;
    this.literals = new Map(); // spelling as a string of bytes -> id; of those alike the last
    this.literalLengths = new Map(); // first byte -> lengths, the longest first
    for (let id = 0; id < size; id++) {
      if (kinds[id] !== KIND.LITERAL) continue;
      this.literals.set(String.fromCharCode(...this.vocabulary.bytesOf(id)), id);
      const first = blob[starts[id]];
      const lengths = this.literalLengths.get(first) ?? new Set();
      this.literalLengths.set(first, lengths.add(this.vocabulary.lengthOf(id)));
    }
    for (const [first, lengths] of this.literalLengths) {
      this.literalLengths.set(first, [...lengths].sort((a, b) => b - a));
    }
  }

  // [{id, piece}] of a text; `piece` numbers the pieces of the pretokenizer.
  encode(text, { specials = false } = {}) {
    if (/\p{Surrogate}/u.test(text)) throw new Refusal("it holds half of a surrogate pair, which is no text");
    this.tokens = [];
    this.piece = 0;
    const parts = specials ? cut(text, this.specialPattern, this.specials) : [[text, null]];
    for (const [part, special] of parts) {
      if (special !== null) this._emit(special);
      else this._encodePart(part);
    }
    return this.tokens;
  }

  _emit(id) {
    this.tokens.push({ id, piece: this.piece++ });
  }

  _encodePart(part) {
    for (const [raw, literal] of cut(part, this.rawLiteralPattern, this.rawLiterals)) {
      if (literal !== null) this._emit(literal);
      else this._encodeText(this._withPrefix(new TextEncoder().encode(this.normalize(raw))));
    }
  }

  _withPrefix(text) {
    const rule = this.prefixSpace;
    if (!text.length || rule === "never" || (rule === "unless_space" && text[0] === 0x20)) return text;
    const longer = new Uint8Array(text.length + 1);
    longer[0] = 0x20;
    longer.set(text, 1);
    return longer;
  }

  _encodeText(text) {
    let start = 0;
    for (let i = 0; i < text.length; ) {
      const [id, length] = this._literalAt(text, i);
      if (id < 0) {
        i += 1;
        continue;
      }
      this._encodeStretch(text.subarray(start, i));
      this._emit(id);
      i += length;
      start = i;
    }
    this._encodeStretch(text.subarray(start));
  }

  _literalAt(text, i) {
    for (const length of this.literalLengths.get(text[i]) ?? []) {
      const id = this.literals.get(String.fromCharCode(...text.subarray(i, i + length)));
      if (id !== undefined && i + length <= text.length) return [id, length];
    }
    return [-1, 0];
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

// Matches of `pattern` with their ids, and what lies between with null, in order.
function cut(text, pattern, ids) {
  if (!pattern) return [[text, null]];
  const parts = [];
  let start = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > start) parts.push([text.slice(start, match.index), null]);
    parts.push([match[0], ids.get(match[0])]);
    start = match.index + match[0].length;
  }
  if (start < text.length || !text) parts.push([text.slice(start), null]);
  return parts;
}
