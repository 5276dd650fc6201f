(() => {
  const R = JSON.parse($("data").textContent), G = R.graph, n = R.loss.length;
  const loss = known(R.loss), slope = known(R.slope), reach = known(R.reach), values = known(R.values);
  const spots = new Map(), curves = [];
  let at = R.wrong || 0, timer = 0, out;

  // -- the graph, with the numbers that its program computes of the parameters of a step
  if (G) for (const node of [...G.nodes].reverse()) {
    const found = spotsOf(node);
    for (const s of found) if (!s.label && !s.group.querySelector(".tag")) tag(s.group, node.title);
    spots.set(node.id, found);
  }
  const leavesAt = (k) => {
    const p = known(G.program.start);
    let from = 0;
    G.program.learned.forEach((id, i) => {
      const size = R.shapes[i].reduce((a, b) => a * b, 1), part = values[k].slice(from, from + size);
      p[G.program.leaves.indexOf(id)] = R.shapes[i].length ? part : part[0];
      from += size;
    });
    return p;
  };
  const numbers = () => {
    const p = leavesAt(at), found = new Map(G.program.leaves.map((id, i) => [id, [p[i], undefined]]));
    out = PROGRAM(p);
    G.program.nodes.forEach((id, i) => found.set(id, [out[0][i], undefined]));
    G.program.grads.forEach((id, i) => { found.get(id)[1] = out[1][i]; });
    return found;
  };
  const graph = () => {
    const found = numbers();
    for (const node of G.nodes) {
      const [value, grad] = found.get(node.id) || [];
      for (const s of spots.get(node.id)) {
        if (s.value && value !== undefined) put(s.value, valueText(value, node.shape, node.kind), Array.isArray(value) ? spread(value) : "");
        if (s.grad && grad !== undefined) put(s.grad, gradText(grad));
      }
    }
  };

  // -- curves over the steps, each with a line where we are
  const W = 300, H = 74;
  const curve = (name, held, levels = [], parent = $("curves")) => {
    const fine = held.filter(isFinite), log = !levels.length && fine.length && Math.min(...fine) > 0 && Math.max(...fine) > 30 * Math.min(...fine);
    const h = held.map((v) => (log ? Math.log(v) : v)), known = h.filter(isFinite).concat(levels);
    const low = Math.min(...known), span = Math.max(...known) - low || 1;
    const X = (k) => 4 + (k / Math.max(1, n - 1)) * (W - 8), Y = (v) => H - 6 - ((v - low) / span) * (H - 12);
    const line = el("line", { y1: 0, y2: H, class: "here" });
    const picture = el("svg", { viewBox: `0 0 ${W} ${H}`, class: "curve", role: "img", "aria-label": `${name} over the steps` },
      ...levels.flatMap((v, i) => [el("line", { x1: 0, x2: W, y1: Y(v), y2: Y(v), class: "level" }), el("text", { x: W - 3 - 9 * i, y: Y(v) < 12 ? Y(v) + 9 : Y(v) - 2 }, `${v}`)]),
      el("polyline", { points: h.map((v, k) => (isFinite(v) ? `${X(k)},${Y(v)}` : "")).join(" ") }), line);
    const text = el("span", { class: "now" });
    picture.addEventListener("pointerdown", (e) => {
      const b = picture.getBoundingClientRect();
      go(Math.round(((e.clientX - b.left) / b.width) * (n - 1)));
    });
    curves.push(() => { line.setAttribute("x1", X(at)); line.setAttribute("x2", X(at)); text.textContent = num(held[at]); });
    parent.append(el("div", {}, el("p", {}, text, `${name}${log ? " (log)" : ""}`), picture));
  };
  curve("loss", loss);
  curve("|gradient|", slope);
  if (reach.some(isFinite)) curve("reach: 1 the bottom, 2 too far", reach, [1, 2]);
  if (R.gradients.length > 1) {
    $("graph").append(el("p", {}, "the gradient of each parameter, its norm"));
    R.gradients.slice(0, 12).forEach((held, i) => curve(R.names[i], known(held), [], $("graph")));
  }

  // -- the loss over two parameters, and the way that was taken
  const plane = () => {
    const rows = R.heights.length, flat = known(R.heights).flat(), fine = flat.filter(isFinite);
    if (!fine.length) return () => {};
    const low = Math.min(...fine), scale = Math.max(...fine) - low || 1;
    const paper = el("canvas", { width: rows, height: rows, "aria-hidden": "true" }), context = paper.getContext("2d");
    const dark = matchMedia("(prefers-color-scheme:dark)").matches;
    const [from, to] = dark ? [[43, 95, 138], [16, 27, 42]] : [[120, 176, 218], [248, 251, 254]];
    const image = context.createImageData(rows, rows);
    flat.forEach((v, i) => {
      const t = isFinite(v) ? (Math.log10((v - low) / scale + 1e-3) + 3) / 3 : 1, level = Math.round(t * 24) / 24;
      const place = 4 * ((rows - 1 - Math.floor(i / rows)) * rows + (i % rows));
      for (let c = 0; c < 3; c++) image.data[place + c] = from[c] + (to[c] - from[c]) * level;
      image.data[place + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    const [x, y] = [R.x, R.y], X = (v) => ((v - x[0]) / (x[x.length - 1] - x[0])) * 300, Y = (v) => 300 - ((v - y[0]) / (y[y.length - 1] - y[0])) * 300;
    const path = values.filter((v) => v.every(isFinite)), dot = el("circle", { r: 5, class: "here" });
    const way = el("polyline", {});
    const range = (a) => `${brief(+a[0].toPrecision(3))} to ${brief(+a[a.length - 1].toPrecision(3))}`;
    $("plane").append(el("p", {}, `the loss, bluer where lower: right ${R.axes[0]}, ${range(x)}; up ${R.axes[1]}, ${range(y)}`), el("div", { class: "plane" }, paper,
      el("svg", { viewBox: "0 0 300 300", role: "img", "aria-label": "the path of the parameters" }, way,
        ...path.map((v) => el("circle", { cx: X(v[0]), cy: Y(v[1]), r: 2 })), dot)));
    return () => {
      way.setAttribute("points", values.slice(0, at + 2).filter((v) => v.every(isFinite)).map((v) => `${X(v[0])},${Y(v[1])}`).join(" "));
      if (values[at].every(isFinite)) { dot.setAttribute("cx", X(values[at][0])); dot.setAttribute("cy", Y(values[at][1])); }
    };
  };
  curves.push(plane());
  if (G) curves.push(graph);
  else if (!$("graph").children.length) $("graph").remove();
  if (!$("graph") && !$("plane").children.length) $("stage").remove();

  // -- moving
  const show = () => {
    for (const f of curves) f();
    $("at").value = at;
    $("phase").textContent = `step ${at + 1}/${n}`;
    const far = isFinite(reach[at]) ? `   reach ${reach[at].toFixed(2)}` : "";
    const names = values.length && values[at].length <= 6 ? `   ${R.axes.length === 2 && values[at].length === 2 ? R.axes.join(", ") : R.names.join(", ")} = ${values[at].map(num).join(", ")}` : "";
    $("caption").textContent = `step ${at + 1}: loss ${num(loss[at])}   |gradient| ${num(slope[at])}${far}${names}`;
    try { history.replaceState(null, "", `#step=${at}`); } catch { /* a sandboxed frame */ }
  };
  const go = (k) => { at = Math.max(0, Math.min(n - 1, k)); show(); };
  const play = () => {
    if (timer) { clearInterval(timer); timer = 0; } else {
      if (at >= n - 1) go(0);
      timer = setInterval(() => { go(at + 1); if (at >= n - 1) play(); }, Math.max(60, 6000 / n));
    }
    $("play").textContent = timer ? "pause" : "play";
  };
  const wrong = () => R.wrong !== null && go(R.wrong);
  const KEYS = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(n - 1), " ": play, w: wrong };
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !KEYS[e.key] || e.target.tagName === "INPUT" || (e.target.tagName === "BUTTON" && e.key === " ")) return;
    e.preventDefault();
    KEYS[e.key]();
  });
  for (const [id, f] of [["first", () => go(0)], ["back", () => go(at - 1)], ["play", play], ["next", () => go(at + 1)], ["last", () => go(n - 1)], ["wrong", wrong]])
    $(id).addEventListener("click", f);
  if (R.wrong === null) $("wrong").remove();
  $("at").max = n - 1;
  $("at").addEventListener("input", (e) => go(+e.target.value));
  try {
    const wanted = new URLSearchParams(location.hash.slice(1)).get("step");
    if (/^\d+$/.test(wanted || "")) at = Math.min(n - 1, +wanted);
  } catch { /* no address */ }
  show();
  Object.defineProperty(window, "__gd", { value: Object.freeze({ get step() { return at; }, get steps() { return n; },
    grad: (id) => out[1][G.program.grads.indexOf(id)], value: (id) => out[0][G.program.nodes.indexOf(id)] }) });
})();
