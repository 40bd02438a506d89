// Named streams of bytes, from one deflated block as text (streams.py writes them).

const DIGITS = Array.from({ length: 94 }, (_, k) => String.fromCharCode(0x21 + k)).filter((digit) => !"<>&".includes(digit));

// "length digits": two digits are 13 bits, the lowest first.
function bytesOfText(text) {
  const start = text.indexOf(" ") + 1;
  const bytes = new Uint8Array(Number(text.slice(0, start)));
  const values = new Uint8Array(128);
  DIGITS.forEach((digit, value) => (values[digit.charCodeAt(0)] = value));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = start; i + 1 < text.length; i += 2) {
    held |= (values[text.charCodeAt(i)] + DIGITS.length * values[text.charCodeAt(i + 1)]) << bits;
    bits += 13;
    for (; bits >= 8; bits -= 8) {
      if (at < bytes.length) bytes[at++] = held & 255;
      held >>>= 8;
    }
  }
  return bytes;
}

class Streams {
  constructor(block, places) {
    this.block = block;
    this.places = places;
  }

  static async open(text, places) {
    const inflated = new Blob([bytesOfText(text)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Streams(new Uint8Array(await new Response(inflated).arrayBuffer()), places);
  }

  bytes(name) {
    const [start, length] = this.places[name];
    return this.block.subarray(start, start + length);
  }

  varints(name, count) {
    const data = this.bytes(name);
    const values = new Int32Array(count ?? data.length);
    let n = 0;
    for (let at = 0; at < data.length; n++) {
      let value = 0;
      let shift = 0;
      do {
        value |= (data[at] & 127) << shift;
        shift += 7;
      } while (data[at++] > 127);
      values[n] = value;
    }
    return values.subarray(0, n);
  }

  differences(name) {
    const values = this.varints(name);
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
      sum += values[i] & 1 ? -((values[i] + 1) >>> 1) : values[i] >>> 1;
      values[i] = sum;
    }
    return values;
  }

  json(name) {
    return JSON.parse(new TextDecoder().decode(this.bytes(name)));
  }

  // Texts to texts; keys are front-coded, over code points.
  mapping(name) {
    const shared = this.varints(`${name} shared`);
    const values = this.json(`${name} values`);
    const found = new Map();
    let before = [];
    this.json(`${name} rests`).forEach((rest, k) => {
      before = [...before.slice(0, shared[k]), ...rest];
      found.set(before.join(""), values[k]);
    });
    return found;
  }

  planes(name, count) {
    const data = this.bytes(name);
    const values = new Int32Array(count);
    for (let k = 0; k * count < data.length; k++) {
      for (let i = 0; i < count; i++) values[i] |= data[k * count + i] << (8 * k);
    }
    return values;
  }

  floats(name, count) {
    const data = this.bytes(name);
    const width = data.length / count;
    const bytes = new Uint8Array(data.length);
    for (let k = 0; k < width; k++) {
      for (let i = 0; i < count; i++) bytes[i * width + k] = data[k * count + i];
    }
    return Float64Array.from(width === 4 ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer));
  }
}

function checksum(numbers, value = 0x811c9dc5) {
  for (const number of numbers) value = Math.imul(value ^ number, 0x01000193) >>> 0;
  return value;
}
