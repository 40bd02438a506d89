// Bytes with everything invisible made visible, as markup.py shows them.

const SIGNS = { " ": "·", "\n": "↵", "\t": "⇥", "\r": "␍" };
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}\p{Zs}\p{Mn}\p{Me}]/u;
const MARK = /[\p{Mn}\p{Me}]/u;
const SEAT = /[\p{L}\p{N}\p{P}\p{S}\p{Mc}]/u; // what a mark sits on
const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");

// The characters of bytes, and each byte that belongs to none: [text] or [byte, null].
function charactersOf(bytes) {
  const found = [];
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let i = 0; i < bytes.length; ) {
    const length = bytes[i] < 0x80 ? 1 : bytes[i] < 0xc2 ? 0 : characterLength(bytes[i]);
    try {
      if (!length || i + length > bytes.length) throw new RangeError();
      found.push({ text: utf8.decode(bytes.subarray(i, i + length)) });
      i += length;
    } catch {
      found.push({ byte: bytes[i++] });
    }
  }
  return found;
}

function visible(bytes, limit = 200) {
  const fragment = document.createDocumentFragment();
  let sits = false;
  for (const { text, byte } of charactersOf(bytes.subarray(0, limit))) {
    const isSeated = text !== undefined && sits && MARK.test(text);
    sits = isSeated || (text !== undefined && SEAT.test(text));
    if (isSeated) {
      fragment.append(text);
    } else if (byte !== undefined) {
      fragment.append(element("span", { class: "hex" }, hex(byte)));
    } else if (SIGNS[text]) {
      fragment.append(element("span", { class: "ws" }, SIGNS[text]));
    } else if (HIDDEN.test(text)) {
      const point = text.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      fragment.append(element("span", { class: "hex" }, `U+${point}`));
    } else {
      fragment.append(text);
    }
  }
  if (bytes.length > limit) fragment.append(element("span", { class: "more" }, ` … ${plural(bytes.length, "byte")}`));
  return fragment;
}

// The same as plain text, for labels and drawings.
function visibleText(bytes, limit = 40) {
  const text = visible(bytes, limit).textContent;
  return text || "∅";
}
