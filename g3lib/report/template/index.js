"use strict";
(function () {
  // thousands of rows are kept apart and shown as far as one scrolls: the page opens at once and answers while one types
  const PART = 100;
  const table = document.querySelector("table"), body = table.tBodies[0], rest = document.querySelector("#rest");
  const box = document.querySelector("input"), count = document.querySelector("#count"), more = document.querySelector("#more");
  const rows = Array.from(body.rows).concat(rest ? Array.from(rest.content.children) : []);
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  let order = rows, found = rows, shown = body.rows.length;
  function show(upTo) {
    body.append(...found.slice(shown, upTo));
    shown = Math.min(found.length, upTo);
  }
  function filter() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = order.filter((row) => words.every((word) => texts.get(row).includes(word)));
    body.replaceChildren();
    shown = 0;
    show(PART);
    count.textContent = found.length + " / " + rows.length;
  }
  let sorted = -1, down = true;
  const text = (cell) => cell.textContent.trim();
  const words = new Intl.Collator("zh", { numeric: true });
  function sort(column) {
    down = column === sorted ? !down : column > 0;
    sorted = column;
    const values = new Map(rows.map((row) => [row, text(row.cells[column])]));
    order = rows.slice().sort((a, b) => words.compare(values.get(a), values.get(b)) * (down ? -1 : 1));
    filter();
    Array.from(table.tHead.rows[0].cells).forEach((cell, i) =>
      cell.setAttribute("aria-sort", i === column ? (down ? "descending" : "ascending") : "none"));
  }
  box.addEventListener("input", filter);
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button.parentElement.cellIndex);
  });
  new IntersectionObserver(([end]) => { if (end.isIntersecting && shown < found.length) show(shown + PART); }, { rootMargin: "1200px" }).observe(more);
  window.addEventListener("beforeprint", () => show(found.length));
  // index.html#睢县 opens with that search
  try { box.value = decodeURIComponent(location.hash.slice(1)); } catch { box.value = location.hash.slice(1); }  // #50% is none
  filter();
})();
