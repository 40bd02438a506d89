// Every token as one square, column by column in the order of the ids: the vocabulary at a glance.

class PixelMap {
  constructor(vocabulary, labelOf, open) {
    this.vocabulary = vocabulary;
    this.labelOf = labelOf;
    this.canvas = byId("map-canvas");
    this.byScript = { names: CLASS_NAMES, of: classesOf(vocabulary) };
    this.byStatus = { names: this._statusNames(), of: vocabulary.status };
    this.coloring = this.byScript;
    this._listen(open);
    this.draw();
  }

  _statusNames() {
    return this.vocabulary.words.map((word) => [`status-${word.replace(/[^a-z]+/g, "-")}`, word]);
  }

  _listen(open) {
    const choose = (coloring, pressed, other) => {
      this.coloring = coloring;
      byId(pressed).setAttribute("aria-pressed", "true");
      byId(other).setAttribute("aria-pressed", "false");
      this.draw();
    };
    byId("map-script").addEventListener("click", () => choose(this.byScript, "map-script", "map-status"));
    byId("map-status").addEventListener("click", () => choose(this.byStatus, "map-status", "map-script"));
    this.canvas.addEventListener("pointermove", (event) => this._read(this._idAt(event)));
    this.canvas.addEventListener("pointerleave", () => this._read(-1));
    this.canvas.addEventListener("click", (event) => {
      const id = this._idAt(event);
      if (id >= 0) open(id);
    });
    new ResizeObserver(() => {
      if (byId("map").clientWidth !== this.width) this.draw();
    }).observe(byId("map"));
  }

  // Squares as large as give a picture of pleasant height.
  _layout() {
    this.width = byId("map").clientWidth;
    const area = this.width * (this.width < 600 ? 480 : 300);
    this.side = Math.max(1, Math.floor(Math.sqrt(area / this.vocabulary.size)));
    this.columns = Math.max(1, Math.floor(this.width / this.side));
    this.rows = Math.ceil(this.vocabulary.size / this.columns);
    this.columns = Math.ceil(this.vocabulary.size / this.rows);
  }

  draw() {
    this._layout();
    this.canvas.width = this.columns;
    this.canvas.height = this.rows;
    this.canvas.style.width = `${this.columns * this.side}px`;
    this.canvas.style.height = `${this.rows * this.side}px`;
    const colors = this.coloring.names.map(([key], k) => this._colorOf(key, k));
    // Kept in memory: a canvas of a graphics card is lost with it.
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    const image = context.createImageData(this.columns, this.rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let id = 0; id < this.vocabulary.size; id++) {
      pixels[(id % this.rows) * this.columns + Math.floor(id / this.rows)] = colors[this.coloring.of[id]];
    }
    context.putImageData(image, 0, 0);
    this._axis();
    this._legend();
    this._read(-1);
  }

  _axis() {
    const count = this.width < 600 ? 3 : 6;
    const marks = Array.from({ length: count }, (_, k) => Math.round((k * (this.vocabulary.size - 1)) / (count - 1)));
    byId("map-axis").replaceChildren(...marks.map((id) => element("span", {}, grouped(id))));
    byId("map-axis").style.width = this.canvas.style.width;
  }

  _colorText(key, k) {
    const styles = getComputedStyle(document.documentElement);
    const named = styles.getPropertyValue(`--c-${key}`).trim();
    return named || styles.getPropertyValue(`--s${k % 6}`).trim();
  }

  _colorOf(key, k) {
    const [r, g, b] = this._colorText(key, k).match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }

  _legend() {
    const counts = new Map();
    for (const value of this.coloring.of) counts.set(value, (counts.get(value) ?? 0) + 1);
    const items = this.coloring.names.map(([key, name], k) => {
      if (!counts.has(k)) return null;
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = this._colorText(key, k);
      return element("li", {}, swatch, `${name} `, element("b", {}, grouped(counts.get(k))));
    });
    byId("map-legend").replaceChildren(...items.filter(Boolean));
  }

  _idAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.side);
    const row = Math.floor((event.clientY - box.top) / this.side);
    const id = column * this.rows + row;
    return row >= 0 && row < this.rows && id >= 0 && id < this.vocabulary.size ? id : -1;
  }

  _read(id) {
    const readout = byId("map-readout");
    if (id < 0) {
      readout.replaceChildren("Point at a square to read its token; choose it to open it.");
    } else {
      const word = this.vocabulary.words[this.vocabulary.status[id]];
      readout.replaceChildren(element("b", {}, grouped(id)), " ", element("code", {}, this.labelOf(id)), ` ${word}`);
    }
  }
}
