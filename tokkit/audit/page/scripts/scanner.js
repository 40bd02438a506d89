// The pretokenizer: tokkit's own automata, run over UTF-8 (tokkit/kernels/texts/scan.py, split_stage.py).

// Length in bytes of the well-formed UTF-8 character that begins with this byte.
const characterLength = (byte) => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

function codePointAt(text, i) {
  const byte = text[i];
  if (byte < 0x80) return byte;
  if (byte < 0xe0) return ((byte & 31) << 6) | (text[i + 1] & 63);
  if (byte < 0xf0) return ((byte & 15) << 12) | ((text[i + 1] & 63) << 6) | (text[i + 2] & 63);
  return ((byte & 7) << 18) | ((text[i + 1] & 63) << 12) | ((text[i + 2] & 63) << 6) | (text[i + 3] & 63);
}

// JOINS[behavior][a][b]: an element of kind b (0 gap, 1 match) is glued to one of kind a before it.
const JOINS = {
  isolated: [[0, 0], [0, 0]],
  removed: [[0, 0], [0, 0]],
  merged_with_previous: [[0, 1], [0, 0]],
  merged_with_next: [[0, 0], [1, 0]],
  contiguous: [[1, 0], [0, 1]],
};

class Scanners {
  constructor(streams, tables) {
    const starts = streams.differences(tables.starts);
    const classes = streams.bytes(tables.classes);
    this.classOf = new Uint8Array(0x110000);
    for (let k = 0; k < starts.length; k++) {
      this.classOf.fill(classes[k], starts[k], k + 1 < starts.length ? starts[k + 1] : 0x110000);
    }
    this.symbols = tables.symbols;
    this.stages = tables.stages.map((stage) => ({ ...stage, steps: streams.varints(stage.steps) }));
  }

  // End of the match of `stage` that begins at `start` and ends by `stop`; -1 if there is none.
  findMatch(stage, text, start, stop) {
    const { steps } = stage;
    let state = 0;
    let found = -1;
    for (let i = start; i < stop; i += characterLength(text[i])) {
      const step = steps[state * this.symbols + this.classOf[codePointAt(text, i)]];
      if (step & 1) found = i;
      if (step < 2) return found;
      state = (step >> 1) - 1;
    }
    return steps[state * this.symbols + this.symbols - 1] & 1 ? stop : found;
  }

  // [start, end, is match] of the elements of text[start:stop], in order.
  elements(stage, text, start, stop) {
    const found = [];
    let gap = start;
    let i = start;
    while (i < stop) {
      const end = this.findMatch(stage, text, i, stop);
      if (end > i) {
        if (gap < i) found.push([gap, i, 0]);
        found.push([i, end, 1]);
        i = gap = end;
      } else {
        i += characterLength(text[i]);
      }
    }
    if (gap < stop) found.push([gap, stop, 0]);
    return found;
  }

  // [start, end] of the pieces of the whole text.
  split(text) {
    let pieces = text.length ? [[0, text.length]] : [];
    for (const stage of this.stages) {
      pieces = pieces.flatMap(([start, stop]) => this.splitPiece(stage, text, start, stop));
    }
    return pieces;
  }

  splitPiece(stage, text, start, stop) {
    const flip = stage.invert ? 1 : 0;
    const joins = JOINS[stage.behavior];
    const pieces = [];
    let before = -1;
    for (const [from, to, isMatch] of this.elements(stage, text, start, stop)) {
      const kind = isMatch ^ flip;
      if (stage.behavior === "removed" && kind === 1) continue;
      if (before >= 0 && joins[before][kind]) pieces[pieces.length - 1][1] = to;
      else pieces.push([from, to]);
      before = kind;
    }
    return pieces;
  }
}
