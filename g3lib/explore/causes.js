// The fishbone's table: each cause below what it leads to. A cause is dragged onto another, or its select says where it leads to:
// what a mouse can do a keyboard can do.

function render({ model, el }) {
  el.classList.add("g3-causes");

  function moved(cause, onto) {
    if (cause && onto && cause !== onto) model.send({ moved: cause, onto });
  }

  function line(row, rows) {
    const item = document.createElement("li");
    item.style.setProperty("--depth", row.depth);
    item.dataset.cause = row.name;
    const name = document.createElement("span");
    name.textContent = row.name;
    name.className = `g3-cause ${row.verdict}`;
    item.append(name);
    if (row.depth > 0) {
      item.draggable = true;
      item.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", row.name));
      const choice = document.createElement("select");
      choice.setAttribute("aria-label", `${row.name} ${model.get("leads")}`);
      for (const other of rows) {
        const option = document.createElement("option");
        option.value = option.textContent = other.name;
        option.selected = other.name === row.effect;
        option.disabled = other.name === row.name;
        choice.append(option);
      }
      choice.addEventListener("change", () => moved(row.name, choice.value));
      item.append(choice);
    }
    item.addEventListener("dragover", (event) => {
      event.preventDefault();
      item.classList.add("over");
    });
    item.addEventListener("dragleave", () => item.classList.remove("over"));
    item.addEventListener("drop", (event) => {
      event.preventDefault();
      item.classList.remove("over");
      moved(event.dataTransfer.getData("text/plain"), row.name);
    });
    return item;
  }

  function draw() {
    const rows = model.get("rows");
    const focused = el.contains(document.activeElement) ? document.activeElement.closest("li")?.dataset.cause : null;
    const list = document.createElement("ul");
    list.append(...rows.map((row) => line(row, rows)));
    el.replaceChildren(list);
    if (focused) [...list.children].find((item) => item.dataset.cause === focused)?.querySelector("select")?.focus();
  }

  // what was refused is no change of the rows: the select goes back
  model.on("change:rows msg:custom", draw);
  draw();
  return () => model.off("change:rows msg:custom", draw);
}

export default { render };
