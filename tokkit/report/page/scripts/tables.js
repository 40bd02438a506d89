// Tables that sort by a column, and show all of their rows when asked.

function startTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => sortTable(table, head, column));
    });
  }
  for (const button of document.querySelectorAll("button.all")) {
    button.addEventListener("click", () => {
      for (const row of button.closest(".table").querySelectorAll("tr[hidden]")) row.hidden = false;
      button.remove();
    });
  }
}

function sortTable(table, head, column) {
  const isNumber = head.classList.contains("number") || head.classList.contains("token");
  const before = head.getAttribute("aria-sort");
  const descending = before ? before === "ascending" : isNumber;
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const shown = rows.filter((row) => !row.hidden).length;
  const key = (row) => {
    const cell = row.cells[column];
    return isNumber ? Number(cell.dataset.value ?? -Infinity) : cell.textContent;
  };
  const compare = isNumber ? (a, b) => key(a) - key(b) : (a, b) => key(a).localeCompare(key(b), "en");
  rows.sort((a, b) => (descending ? -compare(a, b) : compare(a, b)));
  rows.forEach((row, k) => (row.hidden = k >= shown));
  body.append(...rows);
}
