"use strict";
// What every page shares: elements, numbers as the pictures write them, and the two helpers of programs.
const $ = (id) => document.getElementById(id);
const el = (tag, attributes = {}, ...children) => {
  const drawn = ["svg", "polyline", "circle", "rect", "line", "text"].includes(tag);
  const made = document.createElementNS(`http://www.w3.org/${drawn ? "2000/svg" : "1999/xhtml"}`, tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value);
  made.append(...children);
  return made;
};
const num = (x) => {
  if (!isFinite(x)) return isNaN(x) ? "NaN" : x > 0 ? "Inf" : "-Inf";
  const size = Math.abs(x);
  if (x === 0) return "0.0000";
  if (size >= 1e-3 && size < 1e5) return x.toFixed(4);
  return x.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
};
const L = (n, f) => Array.from({ length: n }, (_, i) => f(i));
const S = (a) => a.reduce((x, y) => x + y, 0);
const M = (a, b, n, k, m) => L(n * m, (i) => {
  let t = 0;
  for (let j = 0; j < k; j++) t += a[((i / m) | 0) * k + j] * b[j * m + (i % m)];
  return t;
});
const list = (x) => (Array.isArray(x) ? x : [x]);
const add = (a, b) => (Array.isArray(a) ? a.map((x, i) => x + b[i]) : a + b);
const brief = (x) => (isFinite(x) && x !== 0 ? `${+x.toPrecision(4)}` : num(x).replace(".0000", ""));
const nested = (a, shape) => {
  if (!shape.length) return brief(a[0]);
  const size = a.length / shape[0];
  return `[${L(shape[0], (i) => nested(a.slice(i * size, (i + 1) * size), shape.slice(1))).join(" ")}]`;
};
const valueText = (x, shape, kind) => {
  const a = list(x).map(Number);
  if (a.length < 2) return num(a[0]);
  if (a.length <= 6) return nested(a, shape);
  const zeros = a.filter((v) => v === 0).length;
  if (kind === "act" && zeros) return `${Math.round((100 * zeros) / a.length)}% zero`;
  return spread(a);
};
const spread = (a) => {
  const mean = S(a) / a.length, deviation = Math.sqrt(S(a.map((v) => (v - mean) ** 2)) / a.length);
  return `${num(Math.abs(mean) < 1e-15 * deviation ? 0 : mean)} \u00b1 ${num(deviation)}`;
};
const gradSaid = (x, shape) => {
  const a = list(x);
  return a.length < 2 ? num(a[0]) : a.length > 6 ? `norm ${gradText(x)}` : nested(a, shape);
};
const gradText = (x) => num(list(x).length < 2 ? list(x)[0] : Math.hypot(...list(x)));
const spark = (values) => {
  const fine = values.filter((v) => isFinite(v));
  const log = Math.min(...fine) > 0 && Math.max(...fine) > 30 * Math.min(...fine);
  const h = fine.map((v) => (log ? Math.log(v) : v)), low = Math.min(...h), span = Math.max(...h) - low || 1;
  return el("svg", { viewBox: "0 0 200 50", class: "spark", role: "img", "aria-label": "loss over steps" },
    el("polyline", { points: h.map((v, i) => `${(i / Math.max(1, h.length - 1)) * 196 + 2},${46 - ((v - low) / span) * 42}`).join(" ") }),
    el("circle", { cx: h.length > 1 ? 198 : 2, cy: 46 - ((h[h.length - 1] - low) / span) * 42, r: 3 }));
};
const heat = (map, label) => {
  if (!map.most) return el("figure", {}, el("figcaption", {}, `${label}: all 0`));
  const bytes = Int8Array.from(atob(map.data), (c) => c.charCodeAt(0) << 24 >> 24);
  const picture = el("svg", { viewBox: `0 0 ${map.columns} ${map.rows}`, class: "heat", role: "img",
    "aria-label": label, style: `aspect-ratio:${map.columns}/${map.rows}` });
  bytes.forEach((b, i) => {
    const v = b / 127, cell = el("rect", { x: i % map.columns, y: (i / map.columns) | 0, width: 1.02, height: 1.02,
      class: v < 0 ? "minus" : "plus", "fill-opacity": Math.abs(v).toFixed(3) });
    cell.append(el("title"));
    picture.append(cell);
  });
  return el("figure", {}, picture, el("figcaption", {},
    `${label}: ${map.cut}blue below 0, red above, full colour at ${num(map.most)}`));
};
const known = (x) => (Array.isArray(x) ? x.map(known) : x ?? NaN);  // JSON has no NaN
// Where a node is seen in the picture: its box or its row, and the texts that are its numbers.
const rooms = new WeakMap();
const box = (e) => { try { return e.getBBox(); } catch { return { x: 0, y: 0, width: 0, height: 0 }; } };
const ends = (t, x) => { t.setAttribute("x", x); t.setAttribute("text-anchor", "end"); };
const measure = (label, value, grad, edge) => {  // how much room each has; gradients and values of leaves end at the right
  for (const t of [value, grad]) if (t) {
    const b = box(t), right = (t === value && grad ? box(grad).x : edge) - 4;
    const left = t === value && label ? box(label).x + box(label).width + 4 : b.x;
    rooms.set(t, { room: Math.max(t === grad ? 0 : right - left, b.width), letter: b.width / t.textContent.length, size: parseFloat(getComputedStyle(t).fontSize) });
    if (t === value && label) ends(t, Math.max(right, b.x + b.width));
  }
  if (grad) ends(grad, box(grad).x + box(grad).width);
};
const terse = (text) => text.replace(/-?\d+\.\d+(e[+-]\d+)?/g, (t) => {
  const size = Math.abs(t);
  return size >= 1e5 || (size && size < 1e-3) ? (+t).toExponential(0) : `${size >= 100 ? Math.round(t) : +(+t).toPrecision(2)}`;
});
const put = (t, text, short) => {  // in the room there is: else a short form, in fewer digits, else smaller
  const { room, letter, size } = rooms.get(t) || {};
  const scale = (s) => Math.min(1, room / (s.length * letter || 1));
  const ways = [text, ...(short ? [short] : []), terse(short || text)];
  const said = letter ? ways.find((s) => scale(s) >= 0.8) || ways[ways.length - 1] : text;
  t.textContent = said;
  if (letter) t.style.fontSize = `${(size * scale(said)).toFixed(2)}px`;
};
const spotsOf = (n) => n.spots.map(([element, label, value, grad]) => {
  const group = $(element), texts = group ? [...group.querySelectorAll("text:not(.tag)")] : [];
  const is = (t) => (e) => t && e.textContent.trim() === t;
  const from = label ? texts.findIndex(is(label)) : 0, rest = label ? texts.slice(from + 1, from + 3) : texts.slice(-2);
  const spot = { group, label: label ? texts[from] : null, value: rest.find(is(value)), grad: rest.filter(is(grad)).pop() };
  if (spot.grad === spot.value) spot.grad = rest.filter(is(grad))[1];
  if (group) { const b = box(group); measure(spot.label, spot.value, spot.grad, b.x + b.width); }
  return spot;
}).filter((spot) => spot.group);
const tag = (group, title) => {  // what formulas call it, where the picture does not
  if ([...group.querySelectorAll("text")].some((t) => t.textContent.trim() === title)) return;
  const b = box(group), made = el("text", { x: b.x + 1, y: b.y - 2, class: "tag" });
  made.textContent = title;
  group.append(made);
};
