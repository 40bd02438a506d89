// The tokens: spellings, kinds, merge trees, and what the audit says of each.

const KIND = { NORMAL: 0, BYTE: 1, LITERAL: 2, SPECIAL: 3, UNUSED: 4, DECODE_ONLY: 5 };

// Finds a token by its bytes. Of tokens that are spelt alike, the first one added is found.
class SpellingIndex {
  constructor(vocabulary, capacity) {
    this.vocabulary = vocabulary;
    let size = 16;
    while (size < 2 * capacity) size *= 2;
    this.slots = new Int32Array(size).fill(-1);
    this.longest = 0;
  }

  // `skip`: leading bytes of the token that are not part of its key.
  add(token, skip = 0) {
    const { blob, starts } = this.vocabulary;
    const start = starts[token] + skip;
    const end = starts[token + 1];
    if (start >= end) return;
    const mask = this.slots.length - 1;
    let hash = HASH_START;
    for (let i = start; i < end; i++) hash = hashByte(hash, blob[i]);
    let slot = spread(hash) & mask;
    while (this.slots[slot] >= 0) {
      if (this.matches(this.slots[slot] >>> 1, this.slots[slot] & 1, blob, start, end)) return;
      slot = (slot + 1) & mask;
    }
    this.slots[slot] = (token << 1) | skip;
    this.longest = Math.max(this.longest, end - start);
  }

  matches(token, skip, text, start, end) {
    const { blob, starts } = this.vocabulary;
    const from = starts[token] + skip;
    if (starts[token + 1] - from !== end - start) return false;
    for (let i = 0; i < end - start; i++) if (blob[from + i] !== text[start + i]) return false;
    return true;
  }

  // The token spelt text[start:end], whose bytes hash to `hash`; or -1.
  findHashed(hash, text, start, end) {
    const mask = this.slots.length - 1;
    let slot = spread(hash) & mask;
    while (this.slots[slot] >= 0) {
      const token = this.slots[slot] >>> 1;
      if (this.matches(token, this.slots[slot] & 1, text, start, end)) return token;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  find(text, start, end) {
    let hash = HASH_START;
    for (let i = start; i < end; i++) hash = hashByte(hash, text[i]);
    return this.findHashed(hash, text, start, end);
  }
}

const HASH_START = 0x811c9dc5 | 0;
const hashByte = (hash, byte) => Math.imul(hash ^ byte, 0x01000193);
const spread = (hash) => (hash ^ (hash >>> 15)) >>> 0;

class Vocabulary {
  constructor(streams, about) {
    this.about = about;
    this.size = about.size;
    this.kinds = streams.bytes("kinds");
    this.order = streams.planes("order", this.size); // ids by spelling
    this._readSpellings(streams);
    if (about.family === "bpe") this._readMerges(streams);
    this._readStatus(streams);
  }

  _readSpellings(streams) {
    const shared = streams.varints("shared", this.size);
    const rests = streams.varints("restLengths", this.size);
    const restBytes = streams.bytes("rests");
    this.starts = new Int32Array(this.size + 1);
    for (let k = 0; k < this.size; k++) this.starts[this.order[k] + 1] = shared[k] + rests[k];
    for (let id = 0; id < this.size; id++) this.starts[id + 1] += this.starts[id];
    this.blob = new Uint8Array(this.starts[this.size]);
    let before = 0;
    let at = 0;
    for (let k = 0; k < this.size; k++) {
      const start = this.starts[this.order[k]];
      this.blob.copyWithin(start, before, before + shared[k]);
      this.blob.set(restBytes.subarray(at, at + rests[k]), start + shared[k]);
      at += rests[k];
      before = start;
    }
  }

  // left, right: halves of each token that merges make, or -1; rank: when; isUnit: where they start.
  _readMerges(streams) {
    const splits = streams.varints("splits", this.size);
    this.left = new Int32Array(this.size).fill(-1);
    this.right = new Int32Array(this.size).fill(-1);
    this.isUnit = new Uint8Array(this.size);
    this.rank = new Int32Array(this.size).fill(-1);
    this.nodes = new SpellingIndex(this, this.size); // tokens that are the encoding of their bytes
    for (let k = 0; k < this.size; k++) {
      if (splits[k] === 1) this.isUnit[this.order[k]] = 1;
      if (splits[k] > 0) this.nodes.add(this.order[k]);
    }
    for (let k = 0; k < this.size; k++) {
      if (splits[k] < 2) continue;
      const id = this.order[k];
      const middle = this.starts[id] + splits[k] - 1;
      this.left[id] = this.nodes.find(this.blob, this.starts[id], middle);
      this.right[id] = this.nodes.find(this.blob, middle, this.starts[id + 1]);
    }
    const ties = new Set(streams.differences("mergeTies"));
    const byRank = streams.differences("mergeOrder");
    let rank = -1;
    for (let k = 0; k < byRank.length; k++) {
      if (!ties.has(k)) rank++;
      this.rank[byRank[k]] = rank;
    }
    this.merges = byRank.length;
  }

  _readStatus(streams) {
    this.words = this.about.words;
    this.status = streams.varints("status", this.size);
    this.reasons = streams.varints("reasons", this.size);
    const marks = streams.varints("witnesses", this.size);
    const texts = streams.bytes("witnessTexts");
    this.witnesses = new Map();
    let at = 0;
    for (let id = 0; id < this.size; id++) {
      if (marks[id] < 2) continue;
      this.witnesses.set(id, texts.subarray(at, at + marks[id] - 2));
      at += marks[id] - 2;
    }
    this.witnessMarks = marks;
  }

  bytesOf(id) {
    return this.blob.subarray(this.starts[id], this.starts[id + 1]);
  }

  lengthOf(id) {
    return this.starts[id + 1] - this.starts[id];
  }

  // A text whose encoding holds the token, as bytes; or null.
  witnessOf(id) {
    if (this.witnessMarks[id] === 0) return null;
    return this.witnesses.get(id) ?? this.bytesOf(id);
  }

  // Tokens of whose last merge `id` is a half, ascending.
  partOf(id) {
    const found = [];
    if (this.left) {
      for (let other = 0; other < this.size; other++) {
        if (this.left[other] === id || this.right[other] === id) found.push(other);
      }
    }
    return found;
  }
}
