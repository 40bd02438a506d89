// The list of tokens found, of which only the rows in view exist, and the entry of the chosen one.

const ROW = 34;

class Explorer {
  constructor(vocabulary, entry, groups) {
    this.vocabulary = vocabulary;
    this.entry = entry;
    this.groups = groups; // [{name, ids}], ids null for all
    this.search = new VocabularySearch(vocabulary, (id) => entry.shown(id));
    this.list = byId("list");
    this.chosen = -1;
    byId("search-group").replaceChildren(
      ...groups.map(({ name, ids }, k) => element("option", { value: k }, `${name} (${grouped(ids ? ids.length : vocabulary.size)})`)),
    );
    this._listen();
    this.find();
  }

  _listen() {
    const again = later(() => {
      this.find();
      if (this.found.length) this.choose(this.found[0]);
    }, 120);
    byId("search").addEventListener("submit", (event) => event.preventDefault());
    byId("search").addEventListener("input", again);
    this.list.addEventListener("scroll", () => this._fill());
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-token]");
      if (row) this._open(Number(row.dataset.token));
    });
    this.list.addEventListener("keydown", (event) => this._key(event));
    new ResizeObserver(() => this._fill()).observe(this.list);
  }

  find() {
    const group = this.groups[Number(byId("search-group").value)];
    const text = byId("search-text").value;
    const query = { text, mode: byId("search-mode").value, fold: byId("search-fold").checked, among: group.ids };
    try {
      this.found = this.search.run(query);
      byId("matches").textContent = plural(this.found.length, "token");
    } catch (error) {
      this.found = [];
      byId("matches").textContent = error.message;
    }
    byId("list-spacer").style.height = `${this.found.length * ROW}px`;
    this.list.scrollTop = 0;
    this._fill();
    if (this.found.length && this.chosen < 0) this.choose(this.found[0]);
  }

  // Shows the tokens of one group.
  showGroup(index) {
    byId("search-group").value = index;
    byId("search-text").value = "";
    this.find();
    if (this.found.length) this.choose(this.found[0]);
  }

  choose(id) {
    this.chosen = id;
    this.entry.show(id);
    this._fill();
  }

  reveal(id) {
    const at = this.found.indexOf(id);
    if (at < 0) return;
    const top = at * ROW;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop || top + ROW > scrollTop + clientHeight) this.list.scrollTop = top - clientHeight / 3;
    this._fill();
  }

  _open(id) {
    history.replaceState(null, "", `#token-${id}`);
    this.choose(id);
  }

  _key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!step || !this.found.length) return;
    event.preventDefault();
    const at = Math.min(Math.max(this.found.indexOf(this.chosen) + step, 0), this.found.length - 1);
    this._open(this.found[at]);
    this.reveal(this.found[at]);
  }

  _fill() {
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - 4);
    const last = Math.min(this.found.length, first + Math.ceil(this.list.clientHeight / ROW) + 8);
    const rows = [byId("list-spacer")];
    for (let k = first; k < last; k++) rows.push(this._row(this.found[k], k));
    this.list.replaceChildren(...rows);
    const active = this.found.indexOf(this.chosen);
    if (active >= first && active < last) this.list.setAttribute("aria-activedescendant", `row-${this.chosen}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  _row(id, k) {
    const word = this.vocabulary.words[this.vocabulary.status[id]];
    const row = element(
      "div",
      { class: "row", role: "option", id: `row-${id}`, "data-token": id, "aria-selected": String(id === this.chosen) },
      element("span", { class: "id" }, String(id)),
      element("code", {}, visible(this.entry.shown(id), 48)),
      element("span", { class: `status ${word}` }, word),
    );
    row.style.transform = `translateY(${k * ROW}px)`;
    return row;
  }
}

function later(run, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds);
  };
}
