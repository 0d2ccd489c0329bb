"use strict";
(function () {
  // the headline stays in the bar from where the title leaves the screen
  const now = document.querySelector(".bar .now"), title = document.querySelector("main h1");
  if (title) new IntersectionObserver(([seen]) => now.classList.toggle("away", seen.isIntersecting || seen.boundingClientRect.top > 0)).observe(title);

  // the contents are open where there is room beside the text; the entry of what is being read is marked
  const toc = document.querySelector(".toc details"), wide = window.matchMedia("(min-width: 75rem)");
  if (toc) {
    const follow = () => { toc.open = wide.matches; };
    wide.addEventListener("change", follow);
    follow();
    const links = Array.from(toc.querySelectorAll("a")), heads = links.map((link) => document.querySelector(link.getAttribute("href")));
    let due = false;
    const mark = () => {
      due = false;
      const at = heads.filter((head) => head.getBoundingClientRect().top < 90).length - 1;
      links.forEach((link, i) => (i === at ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
    };
    document.addEventListener("scroll", () => { if (!due) { due = true; requestAnimationFrame(mark); } }, { passive: true });
  }

  // a click on a heading sorts, a second the other way round, a third as it was; what is unknown and what is a total stays below
  const many = { "万": 1e4, "亿": 1e8 };
  const amount = (text) => {
    const found = text.replace(/[,\s<>≥≤]/g, "").replace("−", "-").match(/^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(万|亿)?/);
    return found ? Number(found[1]) * (many[found[2]] || 1) : null;
  };
  const unknown = (text) => text === "" || text === "—";
  document.querySelectorAll("table.g3-table").forEach((table) => {
    const body = table.tBodies[0], head = table.tHead && table.tHead.rows[0], rows = body ? Array.from(body.rows) : [];
    const last = rows.filter((row) => row.classList.contains("total")), free = rows.filter((row) => !row.classList.contains("total"));
    if (!head || free.length < 2) return;
    Array.from(head.cells).forEach((cell, column) => {
      if (!cell.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const was = cell.getAttribute("aria-sort"), texts = new Map(free.map((row) => [row, row.cells[column] ? row.cells[column].textContent.trim() : ""]));
        const known = Array.from(texts.values()).filter((text) => !unknown(text));
        const numbers = known.length > 0 && known.every((text) => amount(text) !== null && !/^\d{4}-\d/.test(text));
        const first = numbers ? "descending" : "ascending", second = numbers ? "ascending" : "descending";
        const next = !was ? first : was === first ? second : "";
        const compare = (a, b) => numbers ? amount(a) - amount(b) : a.localeCompare(b, document.documentElement.lang, { numeric: true });
        const order = free.slice();
        if (next) {
          order.sort((a, b) => {
            const one = texts.get(a), two = texts.get(b);
            if (unknown(one) || unknown(two)) return unknown(one) - unknown(two);
            return compare(one, two) * (next === "descending" ? -1 : 1);
          });
        }
        Array.from(head.cells).forEach((other) => other.removeAttribute("aria-sort"));
        if (next) cell.setAttribute("aria-sort", next);
        body.append(...order, ...last);
      });
    });
  });
})();
