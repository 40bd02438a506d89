// A coarse class of each token: the script of its first character that is no space.

const SCRIPT_CLASSES = [
  ["latin", "Latin", /^\p{Script=Latin}/u],
  ["cyrillic", "Cyrillic, Greek, Armenian, Georgian", /^[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Georgian}]/u],
  ["han", "Han", /^\p{Script=Han}/u],
  ["kana", "Kana, Hangul", /^[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u30fc]/u],
  ["arabic", "Arabic, Hebrew", /^[\p{Script=Arabic}\p{Script=Hebrew}]/u],
  ["indic", "South and South-East Asia", /^[\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Gujarati}\p{Script=Gurmukhi}\p{Script=Oriya}\p{Script=Sinhala}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u],
  ["digit", "digits", /^\p{N}/u],
  ["letter", "other letters and marks", /^[\p{L}\p{M}]/u],
  ["sign", "punctuation and symbols", /^[^\s]/u],
];
const SPACE_CLASS = SCRIPT_CLASSES.length;
const PART_CLASS = SPACE_CLASS + 1;
const CONTROL_CLASS = SPACE_CLASS + 2;
const CLASS_NAMES = [
  ...SCRIPT_CLASSES.map(([key, name]) => [key, name]),
  ["space", "white space only"],
  ["part", "parts of characters"],
  ["control", "special or unused"],
];

function classesOf(vocabulary) {
  const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
  const known = new Map(); // first character -> class
  const classes = new Uint8Array(vocabulary.size);
  for (let id = 0; id < vocabulary.size; id++) classes[id] = classOf(id);
  return classes;

  function classOf(id) {
    const { blob, starts } = vocabulary;
    const end = starts[id + 1];
    let at = starts[id];
    if (at === end) return CONTROL_CLASS;
    while (at < end && (blob[at] === 0x20 || (blob[at] >= 9 && blob[at] <= 13))) at++;
    if (at === end) return SPACE_CLASS;
    const length = blob[at] < 0x80 ? 1 : characterLength(blob[at]);
    const char = lossy.decode(blob.subarray(at, Math.min(end, at + length)));
    if (char.includes("\ufffd") && !(blob[at] === 0xef && blob[at + 1] === 0xbf && blob[at + 2] === 0xbd)) return PART_CLASS;
    let found = known.get(char);
    if (found === undefined) {
      found = SCRIPT_CLASSES.findIndex(([, , pattern]) => pattern.test(char));
      if (found < 0) found = SPACE_CLASS;
      known.set(char, found);
    }
    return found;
  }
}
