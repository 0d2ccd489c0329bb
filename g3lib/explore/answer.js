// What an explorer answers: a headline, figures, a picture with places to click, tables.
// An answer is shown all at once, and only when its picture can be painted: nothing flickers, nothing stands beside another
// answer's picture. Of answers that overtake each other the last one sent stays.

function part(kind) {
  const node = document.createElement(kind === "picture" ? "figure" : "div");
  node.className = `g3 g3-part-${kind}`;
  if (kind === "headline") {
    node.setAttribute("role", "status"); // a reader of screens hears it when it changes
    node.setAttribute("aria-live", "polite");
  }
  return node;
}

async function decoded(picture) {
  const address = URL.createObjectURL(new Blob([picture.png], { type: "image/png" }));
  const image = new Image(picture.width, picture.height);
  image.src = address;
  image.alt = picture.alt;
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(address); // what is decoded needs it no more
  }
  return image;
}

function frame(node, image, picture, choose) {
  const places = picture.places.map((place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "g3-place";
    button.setAttribute("aria-label", place.label);
    button.title = place.label;
    for (const [side, share] of Object.entries(place.box)) button.style[side] = `${100 * share}%`;
    button.addEventListener("click", () => choose(place.key));
    return button;
  });
  const focused = [...node.querySelectorAll(".g3-place")].indexOf(document.activeElement);
  node.replaceChildren(image, ...places);
  if (focused >= 0 && focused < places.length) places[focused].focus();
}

// A table that is wider than its place can be reached and moved by keys.
function reachable(node) {
  for (const frame of node.querySelectorAll(".g3-scroll")) {
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", (node.querySelector("h2") || node).textContent.slice(0, 120));
  }
}

// The sliders' handles have no name of their own (ipywidgets 8): they get the label that stands before them.
function nameSliders(el) {
  const page = el.closest(".g3-page") || document;
  for (const handle of page.querySelectorAll(".noUi-handle:not([aria-label])")) {
    const label = handle.closest(".widget-slider")?.querySelector(".widget-label");
    if (label) handle.setAttribute("aria-label", label.textContent);
  }
}

function render({ model, el }) {
  el.classList.add("g3-answer");
  const nodes = {};
  for (const [name, kind] of model.get("parts")) {
    nodes[name] = part(kind);
    nodes[name].dataset.part = name;
    el.append(nodes[name]);
  }
  const asked = {};

  async function show(trait) {
    const answer = model.get(trait);
    const turn = (asked[trait] = (asked[trait] || 0) + 1);
    const pictures = {};
    for (const [name, content] of Object.entries(answer.parts || {}))
      if (content.png) pictures[name] = await decoded(content).catch(() => null);
    if (turn !== asked[trait]) return; // a later answer has come meanwhile
    for (const [name, content] of Object.entries(answer.parts || {})) {
      const node = nodes[name];
      if (!node) continue;
      if (content.png) {
        if (pictures[name]) frame(node, pictures[name], content, (key) => model.send({ part: name, chosen: key }));
      } else if (node.dataset.shown !== content.html) {
        node.innerHTML = content.html;
        node.dataset.shown = content.html;
        reachable(node);
      }
      node.hidden = !content.png && !content.html;
    }
    nameSliders(el);
    el.dataset[trait] = answer.number;
    el.dispatchEvent(new CustomEvent("g3-shown", { bubbles: true, detail: { trait, number: answer.number } }));
  }

  if (model.get("ratio") !== window.devicePixelRatio) {
    model.set("ratio", window.devicePixelRatio); // charts are drawn for this screen
    model.save_changes();
  }
  const heard = ["now", "then"].map((trait) => {
    const listener = () => show(trait);
    model.on(`change:${trait}`, listener);
    show(trait);
    return [`change:${trait}`, listener];
  });
  return () => heard.forEach(([event, listener]) => model.off(event, listener));
}

export default { render };
