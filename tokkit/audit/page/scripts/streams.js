// Named streams of bytes, from one deflated block in base64 (streams.py writes them).

class Streams {
  constructor(block, places) {
    this.block = block;
    this.places = places;
  }

  static async open(base64, places) {
    const packed = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
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
