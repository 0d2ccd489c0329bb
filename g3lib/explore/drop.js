// A place to drop a file on, or to choose one by keys; it is sent in pieces, for a message has its largest size.

const PIECE = 1 << 20;

function render({ model, el }) {
  const area = document.createElement("label");
  area.className = "g3-drop";
  const text = document.createElement("span");
  text.textContent = model.get("label");
  const input = document.createElement("input");
  input.type = "file";
  input.accept = model.get("accept");
  area.append(text, input);
  el.append(area);

  async function take(file) {
    if (!file) return;
    const content = await file.arrayBuffer();
    const pieces = Math.max(1, Math.ceil(content.byteLength / PIECE));
    for (let number = 0; number < pieces; number += 1) {
      const piece = content.slice(number * PIECE, (number + 1) * PIECE);
      model.send({ name: file.name, number, pieces }, undefined, [piece]);
    }
    input.value = ""; // the same file, mended, can be chosen again
  }

  input.addEventListener("change", () => take(input.files[0]));
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
}

export default { render };
