// The normaliser: the steps that normalizer_data.py wrote.

// What the page does not do exactly, or what tokkit itself refuses. The message is for the reader.
class Refusal extends Error {}

const WHITE_SPACE = "\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const escapePattern = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

function anyOf(texts) {
  const longestFirst = [...texts].sort((a, b) => [...b].length - [...a].length);
  return longestFirst.length ? new RegExp(longestFirst.map(escapePattern).join("|"), "gu") : null;
}

function compileNormalizer(steps, streams) {
  const compiled = steps.map((step) => NORMALIZERS[step.kind](step, streams));
  return (text) => compiled.reduce((value, run) => run(value), text);
}

const NORMALIZERS = {
  replace: ({ old, new: fresh }) => (text) => text.split(old).join(fresh),
  prepend: ({ prefix }) => (text) => (text ? prefix + text : text),
  squeezeSpaces: () => (text) => text.replace(/^ +| +$/g, "").replace(/ {2,}/g, " "),
  wordsBySpace: ({ mark }) => {
    const spaces = new RegExp(`[${WHITE_SPACE}]+`, "g");
    return (text) => text.replace(spaces, " ").replace(/^ | $/g, "").split(` ${mark}`).join(mark);
  },
  strip: ({ left, right }) => {
    const start = new RegExp(`^[${WHITE_SPACE}]+`);
    const end = new RegExp(`[${WHITE_SPACE}]+$`);
    return (text) => {
      const rest = left ? text.replace(start, "") : text;
      return right ? rest.replace(end, "") : rest;
    };
  },
  protect: ({ literals, steps }, streams) => {
    const inside = compileNormalizer(steps, streams);
    const pattern = new RegExp(`(${anyOf(literals).source})`, "u");
    return (text) => text.split(pattern).map((part, i) => (i % 2 ? part : inside(part))).join("");
  },
  map: ({ mapping, removed, spaced, marks }, streams) => {
    const table = streams.mapping(mapping);
    const isRemoved = removed && new RegExp(`[${classOfRanges(removed)}]+`, "gu");
    const isSpaced = spaced && new RegExp(`[${classOfRanges(spaced)}]`, "gu");
    const runs = marks && new RegExp(`[${classOfRanges(marks)}]{2,}`, "gu");
    return (text) => {
      let out = "";
      // What is put in is not looked at again: only the characters of the text are mapped.
      for (const char of isRemoved ? text.replace(isRemoved, "") : text) {
        out += table.get(char) ?? (isSpaced ? char.replace(isSpaced, " $& ") : char);
      }
      for (const [run] of runs ? out.matchAll(runs) : []) {
        if (run.normalize("NFD") !== run) throw new Refusal("it holds marks whose order the normaliser may change");
      }
      return out;
    };
  },
  charsmap: ({ mapping }, streams) => {
    const units = unitsOf(streams.mapping(mapping), []);
    return (text) => units(text).join("");
  },
  sentencepiece: ({ mapping, symbols, squeeze, marked, suffix }, streams) => {
    const units = unitsOf(streams.mapping(mapping), symbols);
    return (text) => {
      const parts = units(text);
      let out = "";
      let afterSpace = squeeze;
      for (const part of parts) {
        const unit = afterSpace ? part.replace(/^ +/, "") : part;
        if (unit) afterSpace = squeeze && unit.endsWith(" ");
        out += unit;
      }
      if (squeeze) out = out.replace(marked ? /[ \u2581]+$/ : / +$/, "");
      if (marked) out = out.replaceAll("\u2581", " ");
      const blank = !text || (squeeze && parts.every((part) => part === " "));
      return suffix && (out || !blank) ? out + " " : out;
    };
  },
  normalForm: ({ form, active, checksum: expected }) => normalForm(form, active, expected),
  replacePattern: ({ scanner, new: fresh }, streams) => {
    const scanners = new Scanners(streams, scanner);
    return (text) => {
      const bytes = new TextEncoder().encode(text);
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      return scanners
        .elements(scanners.stages[0], bytes, 0, bytes.length)
        .map(([start, end, isMatch]) => (isMatch ? fresh : decoder.decode(bytes.subarray(start, end))))
        .join("");
    };
  },
};

// The text by units, as SentencePiece sees it: the longest symbol at each position stays, else the
// longest key is replaced.
function unitsOf(table, symbols) {
  const kept = new Map(symbols.map((symbol) => [symbol, symbol]));
  const longest = new Map();
  for (const key of [...table.keys(), ...symbols]) {
    const chars = [...key];
    longest.set(chars[0], Math.max(longest.get(chars[0]) ?? 0, chars.length));
  }
  return (text) => {
    const chars = [...text];
    const units = [];
    const longestIn = (found, i) => {
      let length = Math.min(longest.get(chars[i]) ?? 0, chars.length - i);
      while (length > 0 && !found.has(chars.slice(i, i + length).join(""))) length--;
      return length;
    };
    for (let i = 0; i < chars.length; ) {
      let found = kept;
      let length = kept.size ? longestIn(kept, i) : 0;
      if (!length) length = longestIn((found = table), i);
      units.push(length ? found.get(chars.slice(i, i + length).join("")) : chars[i]);
      i += Math.max(length, 1);
    }
    return units;
  };
}

// `first last first last …` in hexadecimal, as the inside of a class.
function classOfRanges(ranges) {
  const bounds = ranges.split(" ").map((number) => `\\u{${number}}`);
  return bounds.map((bound, k) => (k % 2 ? `-${bound}` : bound)).join("");
}

// Only characters that the tokenizer's own version of Unicode changes are left to the browser.
function normalForm(form, active, expected) {
  const bounds = active.split(" ").map((number) => parseInt(number, 16));
  let sum;
  for (let k = 0; k < bounds.length; k += 2) {
    for (let point = bounds[k]; point <= bounds[k + 1]; point++) {
      const changed = String.fromCodePoint(point).normalize(form);
      sum = checksum([...changed].map((char) => char.codePointAt(0)), sum);
    }
  }
  if (sum !== expected) throw new Refusal("this browser's version of Unicode is older than the tokenizer's");
  const runs = new RegExp(`[${classOfRanges(active)}]+`, "gu");
  return (text) => text.replace(runs, (run) => run.normalize(form));
}
