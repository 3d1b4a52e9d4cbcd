// Reads a line chart out where the pointer is, and by keyboard: arrows, Home, End; Escape puts it away.
const SVG = "http://www.w3.org/2000/svg";

export function readOut(drawing) {
  const places = placesOf(drawing);
  const figure = drawing.closest(".sy-chart");
  if (places.length < 2 || !figure) return;
  const box = drawing.viewBox.baseVal;
  const rule = drawing.appendChild(document.createElementNS(SVG, "line"));
  rule.setAttribute("class", "web-rule");
  rule.setAttribute("y1", places.top);
  rule.setAttribute("y2", places.bottom);
  const said = figure.appendChild(document.createElement("div"));
  said.className = "web-readout";
  said.setAttribute("role", "status");
  said.hidden = true;
  let at = -1;

  function show(next) {
    at = Math.min(Math.max(next, 0), places.length - 1);
    const { x, words } = places[at];
    rule.setAttribute("x1", x);
    rule.setAttribute("x2", x);
    drawing.classList.add("web-read");
    said.replaceChildren(...words.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    said.hidden = false;
    const frame = drawing.getBoundingClientRect();
    const around = figure.getBoundingClientRect();
    const left = frame.left - around.left + ((x - box.x) / box.width) * frame.width;
    const room = around.width - said.offsetWidth;
    said.style.left = `${Math.min(Math.max(left + (left > around.width / 2 ? -said.offsetWidth - 12 : 12), 0), Math.max(room, 0))}px`;
    said.style.top = `${frame.top - around.top + ((places.top - box.y) / box.height) * frame.height}px`;
  }

  function hide() {
    at = -1;
    said.hidden = true;
    drawing.classList.remove("web-read");
  }

  drawing.addEventListener("pointermove", (event) => {
    const frame = drawing.getBoundingClientRect();
    const x = box.x + ((event.clientX - frame.left) / frame.width) * box.width;
    const next = nearest(places, x);
    if (next !== at) show(next);
  });
  drawing.addEventListener("pointerleave", () => document.activeElement !== drawing && hide());
  drawing.setAttribute("tabindex", "0");
  drawing.addEventListener("focus", () => drawing.matches(":focus-visible") && show(at < 0 ? places.length - 1 : at));
  drawing.addEventListener("blur", hide);
  drawing.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: places.length - 1 };
    if (event.key in moves) {
      event.preventDefault();
      show(moves[event.key]);
    } else if (event.key === "Escape") hide();
  });
}

// The places of a chart from left to right, each with what its marks say; the browser's own tooltips are taken out.
function placesOf(drawing) {
  const found = new Map();
  let [top, bottom] = [Infinity, -Infinity];
  for (const hit of drawing.querySelectorAll(".sy-hit")) {
    const x = hit.cx?.baseVal.value;
    const title = hit.querySelector("title");
    if (x === undefined || !title) continue;
    if (!found.has(x)) found.set(x, { x, words: [] });
    found.get(x).words.push(title.textContent);
    title.remove();
  }
  for (const line of drawing.querySelectorAll("line.sy-grid, line.sy-axis")) {
    top = Math.min(top, line.y1.baseVal.value);
    bottom = Math.max(bottom, line.y1.baseVal.value);
  }
  const places = [...found.values()].sort((one, other) => one.x - other.x);
  return Object.assign(places, { top: Number.isFinite(top) ? top : 0, bottom: Number.isFinite(bottom) ? bottom : 0 });
}

function nearest(places, x) {
  let [low, high] = [0, places.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle].x <= x) low = middle;
    else high = middle;
  }
  return x - places[low].x <= places[high].x - x ? low : high;
}
