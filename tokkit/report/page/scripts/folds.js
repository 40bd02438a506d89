// What is closed and named in the address is opened; so is everything for printing.

function openNamed() {
  const name = decodeURIComponent(location.hash.slice(1));
  const target = name && byId(name);
  if (!target) return;
  for (let node = target; node; node = node.parentElement) {
    if (node instanceof HTMLDetailsElement) node.open = true;
  }
  target.scrollIntoView();
}

function startFolds() {
  addEventListener("hashchange", openNamed);
  openNamed();
  addEventListener("beforeprint", () => {
    for (const node of document.querySelectorAll("details:not(.data)")) node.open = true;
  });
}
