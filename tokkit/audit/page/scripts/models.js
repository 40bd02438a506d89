// What turns one piece into ids: BPE, Unigram, WordPiece, plain bytes.

// Id of the BYTE token of each byte value, the lowest where there are several, or -1.
function byteTokens(vocabulary, kind = KIND.BYTE) {
  const table = new Int32Array(256).fill(-1);
  for (let id = vocabulary.size - 1; id >= 0; id--) {
    if (vocabulary.kinds[id] === kind && vocabulary.lengthOf(id) === 1) {
      table[vocabulary.blob[vocabulary.starts[id]]] = id;
    }
  }
  return table;
}

function inexpressible(byte) {
  const hex = byte.toString(16).toUpperCase().padStart(2, "0");
  return new Refusal(`the byte ${hex} has no token; tokkit refuses the text rather than lose it`);
}

// Byte-pair encoding: the merge of the lowest rank fires first, the leftmost of several.
class BpeModel {
  constructor(vocabulary) {
    this.vocabulary = vocabulary;
    const { ignoreMerges, charUnits } = vocabulary.about;
    this.charUnits = charUnits;
    this.byteToken = charUnits ? byteTokens(vocabulary) : new Int32Array(256).fill(-1);
    this.whole = vocabulary.nodes;
    if (ignoreMerges) {
      this.whole = new SpellingIndex(vocabulary, vocabulary.size);
      for (let id = 0; id < vocabulary.size; id++) {
        if (vocabulary.isUnit[id] || vocabulary.left[id] >= 0) this.whole.add(id);
      }
      for (let id = 0; id < vocabulary.size; id++) {
        if (vocabulary.kinds[id] === KIND.NORMAL) this.whole.add(id);
      }
    }
    this._indexPairs();
  }

  _indexPairs() {
    const { left, right, size, merges } = this.vocabulary;
    let slots = 16;
    while (slots < 2 * merges) slots *= 2;
    this.pairs = new Int32Array(slots).fill(-1);
    for (let id = 0; id < size; id++) {
      if (left[id] < 0) continue;
      let slot = this._slotOf(left[id], right[id]);
      while (this.pairs[slot] >= 0) slot = (slot + 1) & (slots - 1);
      this.pairs[slot] = id;
    }
  }

  _slotOf(a, b) {
    return spread(Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) & (this.pairs.length - 1);
  }

  // The token that a and b merge to, or -1.
  merged(a, b) {
    if (a < 0 || b < 0) return -1;
    const { left, right } = this.vocabulary;
    let slot = this._slotOf(a, b);
    while (this.pairs[slot] >= 0) {
      const id = this.pairs[slot];
      if (left[id] === a && right[id] === b) return id;
      slot = (slot + 1) & (this.pairs.length - 1);
    }
    return -1;
  }

  encodePiece(text, start, stop) {
    const whole = this.whole.find(text, start, stop);
    return whole >= 0 ? [whole] : this.merge(this.units(text, start, stop));
  }

  units(text, start, stop) {
    const found = [];
    for (let i = start; i < stop; ) {
      const end = i + (this.charUnits ? characterLength(text[i]) : 1);
      const unit = this.vocabulary.nodes.find(text, i, end);
      if (unit >= 0 && this.vocabulary.isUnit[unit]) {
        found.push(unit);
      } else {
        for (let k = i; k < end; k++) {
          if (this.byteToken[text[k]] < 0) throw inexpressible(text[k]);
          found.push(this.byteToken[text[k]]);
        }
      }
      i = end;
    }
    return found;
  }

  merge(units) {
    const n = units.length;
    const token = Int32Array.from(units);
    const next = Int32Array.from(units, (_, i) => i + 1);
    const previous = Int32Array.from(units, (_, i) => i - 1);
    const queue = new MergeQueue();
    const consider = (i) => {
      if (i < 0 || next[i] >= n) return;
      const result = this.merged(token[i], token[next[i]]);
      if (result >= 0) queue.push(this.vocabulary.rank[result], i);
    };
    for (let i = 0; i < n; i++) consider(i);
    while (queue.size) {
      const { rank, position: i } = queue.pop();
      const j = token[i] < 0 ? n : next[i];
      if (j >= n) continue;
      const result = this.merged(token[i], token[j]);
      if (result < 0 || this.vocabulary.rank[result] !== rank) continue; // stale
      token[i] = result;
      token[j] = -1;
      next[i] = next[j];
      if (next[j] < n) previous[next[j]] = i;
      consider(previous[i]);
      consider(i);
    }
    return Array.from(token.filter((id) => id >= 0));
  }
}

// A binary heap of (rank, position), the smallest first.
class MergeQueue {
  constructor() {
    this.keys = [];
  }

  get size() {
    return this.keys.length;
  }

  push(rank, position) {
    const { keys } = this;
    const key = rank * MergeQueue.POSITIONS + position;
    let at = keys.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  pop() {
    const { keys } = this;
    const key = keys[0];
    const last = keys.pop();
    const n = keys.length;
    if (n) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= n) break;
        if (child + 1 < n && keys[child + 1] < keys[child]) child++;
        if (keys[child] >= last) break;
        keys[at] = keys[child];
        at = child;
      }
      keys[at] = last;
    }
    return { rank: Math.floor(key / MergeQueue.POSITIONS), position: key % MergeQueue.POSITIONS };
  }
}
MergeQueue.POSITIONS = 2 ** 26; // rank and position share the 53 bits of a number

// The path of the highest sum of scores, as tokkit/kernels/segmentation/viterbi.py finds it, ties included.
class UnigramModel {
  constructor(vocabulary, streams) {
    this.vocabulary = vocabulary;
    this.scores = streams.floats("scores", vocabulary.size);
    this.byteToken = byteTokens(vocabulary);
    this.pieces = new SpellingIndex(vocabulary, vocabulary.size);
    const utf8 = new TextDecoder("utf-8", { fatal: true });
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.kinds[id] !== KIND.NORMAL) continue;
      try {
        utf8.decode(vocabulary.bytesOf(id));
      } catch {
        continue; // part of a character: no path leads there
      }
      this.pieces.add(id);
    }
  }

  encodePiece(text, start, stop) {
    const { unkScore, singlePrecision } = this.vocabulary.about;
    const rounded = singlePrecision ? Math.fround : (score) => score;
    const n = stop - start;
    const best = new Float64Array(n + 1).fill(-Infinity);
    const last = new Int32Array(n + 1).fill(-1);
    best[0] = 0;
    for (let at = 0; at < n; at++) {
      if (best[at] === -Infinity) continue;
      const characterEnd = at + characterLength(text[start + at]);
      let covered = false;
      let hash = HASH_START;
      for (let end = at + 1; end <= Math.min(n, at + this.pieces.longest); end++) {
        hash = hashByte(hash, text[start + end - 1]);
        const id = this.pieces.findHashed(hash, text, start + at, start + end);
        if (id < 0) continue;
        covered ||= end === characterEnd;
        const score = rounded(best[at] + this.scores[id]);
        if (score > best[end]) {
          best[end] = score;
          last[end] = id;
        }
      }
      const score = rounded(best[at] + unkScore);
      if (!covered && score > best[characterEnd]) {
        best[characterEnd] = score;
        last[characterEnd] = -1;
      }
    }
    return this.pathBack(text, start, n, best, last);
  }

  pathBack(text, start, n, best, last) {
    const ids = [];
    for (let at = n; at > 0; ) {
      if (last[at] >= 0 && best[at] !== -Infinity) {
        ids.push(last[at]);
        at -= this.vocabulary.lengthOf(last[at]);
      } else {
        const byte = text[start + at - 1];
        if (this.byteToken[byte] < 0) throw inexpressible(byte);
        ids.push(this.byteToken[byte]);
        at -= 1;
      }
    }
    return ids.reverse();
  }
}

// From the left, the longest token that matches.
class WordPieceModel {
  constructor(vocabulary, streams) {
    this.vocabulary = vocabulary;
    const continuing = streams.bytes("continuing");
    this.initial = new SpellingIndex(vocabulary, vocabulary.size);
    this.following = new SpellingIndex(vocabulary, vocabulary.size);
    this.skips = new Uint8Array(vocabulary.size); // a space before a word is not part of the match
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.kinds[id] !== KIND.NORMAL) continue;
      if (continuing[id]) {
        this.following.add(id);
      } else {
        this.skips[id] = vocabulary.blob[vocabulary.starts[id]] === 0x20 && vocabulary.lengthOf(id) > 0 ? 1 : 0;
        this.initial.add(id, this.skips[id]);
      }
    }
  }

  encodePiece(text, start, stop) {
    const word = new TextDecoder("utf-8", { ignoreBOM: true }).decode(text.subarray(start, stop));
    if ([...word].length > this.vocabulary.about.maxWordChars) {
      throw new Refusal(`the word that begins “${word.slice(0, 20)}” is too long to be known`);
    }
    const ids = [];
    for (let at = start; at < stop; ) {
      const index = at === start ? this.initial : this.following;
      let end = Math.min(stop, at + index.longest);
      let id = -1;
      while (end > at && (id = index.find(text, at, end)) < 0) end--;
      if (id < 0) throw new Refusal(`the word “${word}” is unknown; tokkit refuses it rather than lose it`);
      ids.push(id);
      at = end;
    }
    return ids;
  }
}

// Of all the text, from the left, the longest token that matches.
class GreedyModel {
  constructor(vocabulary) {
    this.index = new SpellingIndex(vocabulary, vocabulary.size);
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.kinds[id] === KIND.NORMAL && vocabulary.lengthOf(id) > 0) this.index.add(id);
    }
  }

  encodePiece(text, start, stop) {
    const ids = [];
    for (let at = start; at < stop; ) {
      let end = Math.min(stop, at + this.index.longest);
      let id = -1;
      while (end > at && (id = this.index.find(text, at, end)) < 0) end--;
      if (id < 0) throw inexpressible(text[at]);
      ids.push(id);
      at = end;
    }
    return ids;
  }
}

class WholeWordModel {
  constructor(vocabulary) {
    this.index = new SpellingIndex(vocabulary, vocabulary.size);
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.kinds[id] === KIND.NORMAL && vocabulary.lengthOf(id) > 0) this.index.add(id);
    }
  }

  encodePiece(text, start, stop) {
    const id = stop > start ? this.index.find(text, start, stop) : -1;
    if (id < 0) throw inexpressible(text[start]);
    return [id];
  }
}

class PlainBytesModel {
  constructor(vocabulary) {
    this.table = byteTokens(vocabulary);
    byteTokens(vocabulary, KIND.NORMAL).forEach((id, byte) => {
      if (id >= 0) this.table[byte] = id;
    });
  }

  encodePiece(text, start, stop) {
    return Array.from(text.subarray(start, stop), (byte) => {
      if (this.table[byte] < 0) throw inexpressible(byte);
      return this.table[byte];
    });
  }
}

const MODELS = {
  bpe: BpeModel,
  unigram: UnigramModel,
  wordpiece: WordPieceModel,
  words: WholeWordModel,
  greedy: GreedyModel,
  bytes: PlainBytesModel,
};
