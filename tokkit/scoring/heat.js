// The heat map: bytes or tokens, and the bits of what is pointed at, under each model.

for (const button of document.querySelectorAll(".view button")) {
  button.addEventListener("click", () => {
    byId("surprise").dataset.view = button.dataset.view;
    for (const each of document.querySelectorAll(".view button")) {
      each.setAttribute("aria-pressed", String(each === button));
    }
  });
}

function readBits(event) {
  const span = event.target.closest(".map > div > span");
  if (!span) return;
  const isByte = span.parentNode.classList.contains("bytes");
  const place = [...span.parentNode.children].indexOf(span);
  const maps = [...span.closest(".maps").children];
  // The characters of a text are the same for all models, and its tokens are not.
  const spans = maps.map((map) => {
    if (isByte) return map.querySelector(".bytes").children[place];
    return map.contains(span) ? span : null;
  });
  for (const old of document.querySelectorAll(".at")) old.classList.remove("at");
  const told = [];
  spans.forEach((each, k) => {
    if (!each) return;
    each.classList.add("at");
    told.push(`${maps[k].dataset.model} ${each.title}`);
  });
  const reading = document.querySelector(".reading");
  reading.textContent = `${span.textContent.trim() || "space"} — ${told.join(" · ")}`;
}

byId("surprise").addEventListener("pointerover", readBits);
byId("surprise").addEventListener("click", readBits);
