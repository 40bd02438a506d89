// Opens the data, starts the views, follows the address.

async function start() {
  startTables();
  startSections();
  const data = byId("tokkit-about");
  if (data) await startTokenizer(JSON.parse(data.textContent));
  else startTheme(() => {});
  startFolds();
  document.documentElement.dataset.ready = "true";
}

async function startTokenizer(about) {
  const streams = await Streams.open(byId("tokkit-block").textContent, about.streams);
  const vocabulary = new Vocabulary(streams, about.vocabulary);
  const specials = new Map(Object.entries(streams.json("specials"))); // text -> id
  const specialTexts = new Map(Array.from(specials, ([text, id]) => [id, text]));
  let live = null;
  const replay = (text, specials) => live?.replay(text, specials);
  const entry = new Entry(vocabulary, specialTexts, replay);
  const explorer = new Explorer(vocabulary, entry, groupsOf(vocabulary, about, streams));
  const map = new PixelMap(vocabulary, (id) => entry.label(id), (id) => (location.hash = `#token-${id}`));
  startTheme(() => map.draw());
  live = startLive(vocabulary, streams, about, entry);
  for (const button of document.querySelectorAll("button.replay[data-text]")) {
    button.hidden = live === null;
    button.addEventListener("click", () => replay(button.dataset.text, "specials" in button.dataset));
  }
  const follow = () => followAddress(vocabulary, explorer);
  addEventListener("hashchange", follow);
  follow();
}

function startLive(vocabulary, streams, about, entry) {
  if (!about.engine) {
    refuseLive(about.refusal);
    return null;
  }
  try {
    const tokenizer = new Tokenizer(vocabulary, streams, about.engine);
    tokenizer.check(about.engine.checks);
    return new Live(tokenizer, entry);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refuseLive(error.message);
    return null;
  }
}

// All tokens, those of each status, those of each finding.
function groupsOf(vocabulary, about, streams) {
  const groups = [{ name: "all tokens", ids: null }];
  const byStatus = new Map();
  for (let id = 0; id < vocabulary.size; id++) {
    const word = vocabulary.words[vocabulary.status[id]];
    if (!byStatus.has(word)) byStatus.set(word, []);
    byStatus.get(word).push(id);
  }
  for (const [word, ids] of byStatus) groups.push({ name: word, ids });
  for (const { title, stream, index } of about.findings) {
    groups.push({ name: title, ids: Array.from(streams.differences(stream)), finding: index });
  }
  return groups;
}

function followAddress(vocabulary, explorer) {
  const [, kind, number] = /^#(token|finding)-(\d+)$/.exec(location.hash) ?? [];
  const target = Number(number);
  if (kind === "token" && target < vocabulary.size) {
    explorer.choose(target);
    explorer.reveal(target);
    byId("entry").scrollIntoView({ block: "nearest" });
    byId("entry").focus({ preventScroll: true });
  } else if (kind === "finding") {
    const index = explorer.groups.findIndex(({ finding }) => finding === target);
    if (index < 0) return;
    explorer.showGroup(index);
    document.querySelector(".explorer").scrollIntoView();
  }
}

start();
