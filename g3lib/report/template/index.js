"use strict";
(function () {
  const table = document.querySelector("table"), body = table.tBodies[0];
  const box = document.querySelector("input"), count = document.querySelector("#count");
  const rows = Array.from(body.rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  function filter() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    count.textContent = shown + " / " + rows.length;
  }
  let sorted = -1, down = true;
  function sort(column) {
    down = column === sorted ? !down : column > 0;
    sorted = column;
    const value = (row) => row.cells[column].dataset.sort || row.cells[column].textContent.trim();
    const order = (a, b) => value(a).localeCompare(value(b), "zh", { numeric: true }) * (down ? -1 : 1);
    rows.slice().sort(order).forEach((row) => body.appendChild(row));
    Array.from(table.tHead.rows[0].cells).forEach((cell, i) =>
      cell.setAttribute("aria-sort", i === column ? (down ? "descending" : "ascending") : "none"));
  }
  box.addEventListener("input", filter);
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(button.parentElement.cellIndex);
  });
  // index.html#睢县 opens with that search
  box.value = decodeURIComponent(location.hash.slice(1));
  filter();
})();
