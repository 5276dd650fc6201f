const KINDS = { op: "operation", act: "activation", red: "reduction", param: "parameter", input: "data", const: "constant" };
(() => {
  const D = JSON.parse($("data").textContent), nodes = new Map(D.nodes.map((n) => [n.id, n]));
  const run = D.program && PROGRAM, steps = D.steps;
  const seed = steps.findIndex((s) => s.phase === "seed"), end = steps.findIndex((s) => s.phase === "update");
  const whole = (end < 0 ? steps.length : end) - 1;
  const start = run ? known(D.program.start) : [], root = D.root, svg = document.querySelector("#stage svg");
  const users = new Map(D.nodes.map((n) => [n.id, []])), parts = new Map(), slots = new Map();
  let p = structuredClone(start), out, at = whole, node = root, timer = 0, hits = [], zoom = 1, x = 0, y = 0;
  let losses = [], folded = new Set(), gone = new Set(), lr = D.lr;

  // -- the picture: its elements, and the texts in them that are numbers
  for (const [source, target, id] of D.edges) {
    users.get(source)?.push(target);
    if (id && $(id)) parts.set(`${source} ${target}`, $(id));
  }
  const reach = (e, n, title) => {
    e.setAttribute("tabindex", "0");
    e.setAttribute("role", "button");
    e.setAttribute("aria-label", title);
    e.addEventListener("focus", (f) => { f.stopPropagation(); node = n.id; if (e.matches(":focus-visible")) centre(n.id); show(); });
    e.addEventListener("pointerdown", (f) => grab(f, n));
    e.addEventListener("dblclick", () => fold(n.id));
  };
  for (const n of [...D.nodes].reverse()) {  // of nodes that share a box, it is that of the last
    const found = spotsOf(n);
    for (const spot of found) {
      if (spot.label) [spot.label, spot.value].forEach((e) => e && reach(e, n, n.title));
      else if (!spot.group.hasAttribute("tabindex")) {
        reach(spot.group, n, n.title);
        tag(spot.group, n.title);
      }
    }
    slots.set(n.id, found);
  }

  // -- what is known at a step
  const compute = () => { out = run ? run(p) : null; };
  const leafAt = (id) => (run ? D.program.leaves.indexOf(id) : -1);
  const valueOf = (id) => {
    const k = leafAt(id), m = run ? D.program.nodes.indexOf(id) : -1;
    return k >= 0 ? p[k] : m >= 0 ? out[0][m] : undefined;
  };
  const gradAt = (id, last) => {  // what has arrived by then, and how often
    let sum, text = "", said = "", times = 0, sent = -1;
    steps.forEach((s, i) => {
      if (s.phase === "backward") sent++;
      if (i > last || s.node !== id || !["seed", "backward"].includes(s.phase)) return;
      times++;
      said = s.total;
      text = s.norm || said.replace("norm ", "");
      if (run) { const c = s.phase === "seed" ? 1 : out[2][sent]; sum = sum === undefined ? c : add(sum, c); }
    });
    return { sum, times, text: sum === undefined ? text : gradText(sum), said: sum === undefined ? said : gradSaid(sum, nodes.get(id).shape) };
  };
  const made = (id, last) => {
    const i = steps.findIndex((s) => s.phase === "forward" && s.node === id);
    return i < 0 || i <= last;
  };
  const textOf = (id) => {
    const v = valueOf(id), n = nodes.get(id);
    return v === undefined ? n.value : valueText(v, n.shape, n.kind);
  };
  const updated = (id, last) => {
    const i = steps.findIndex((s) => s.phase === "update" && s.node === id);
    return i >= 0 && i <= last;
  };
  const moved = (id) => {
    const g = gradAt(id, whole).sum, v = valueOf(id);
    return g === undefined || v === undefined ? undefined : add(v, list(g).length > 1 ? g.map((t) => -lr * t) : -lr * g);
  };

  // -- showing
  const show = () => {
    const step = steps[at];
    const states = new Map();  // of each element: that of any node in it; gone or later if all are
    for (const n of D.nodes) {
      const there = made(n.id, at), g = gradAt(n.id, at), after = updated(n.id, at) ? moved(n.id) : undefined;
      const state = { later: !there, gone: gone.has(n.id), active: step.node === n.id && step.phase !== "backward",
        sends: step.phase === "backward" && step.from === n.id, gets: step.phase === "backward" && step.node === n.id,
        chosen: node === n.id, hit: hits.includes(n.id), folded: folded.has(n.id) };
      for (const s of slots.get(n.id)) {
        const x = after === undefined ? valueOf(n.id) : after, short = Array.isArray(x) ? spread(x) : "";
        if (s.value) put(s.value, !there ? "" : x === undefined ? n.value : valueText(x, n.shape, n.kind), there && short);
        if (s.grad) put(s.grad, g.text);
        for (const e of s.label ? [s.label, s.value, s.grad] : [s.group]) if (e) {
          const known = states.get(e) || { later: true, gone: true };
          for (const k of Object.keys(state)) known[k] = k === "later" || k === "gone" ? known[k] && state[k] : known[k] || state[k];
          states.set(e, known);
        }
      }
    }
    for (const [e, state] of states) for (const k of Object.keys(state)) e.classList.toggle(k, state[k]);
    for (const [key, e] of parts) {
      const [source, target] = key.split(" ");
      e.classList.toggle("forth", step.phase === "forward" && step.node === target);
      e.classList.toggle("back", step.phase === "backward" && step.from === target && step.node === source);
      e.classList.toggle("gone", gone.has(source) || gone.has(target));
    }
    $("at").value = at;
    $("at").setAttribute("aria-valuetext", step.text);
    $("phase").textContent = `${step.phase} ${at + 1}/${steps.length}`;
    caption(step);
    panel();
    link();
  };
  const caption = (step) => {
    let told = step.text;
    if (step.phase === "forward") told += `  =  ${textOf(step.node)}`;
    if (step.phase === "backward") {
      const c = run && out[2][steps.slice(0, at).filter((s) => s.phase === "backward").length];
      told += `  =  ${run ? gradSaid(c, nodes.get(step.node).shape) : step.sent || step.total}`;
      if (step.uses > 1) told += `   (${step.received} of ${step.uses} arrived, together ${gradAt(step.node, at).said})`;
    }
    if (step.phase === "update") {
      const m = moved(step.node);
      told += m === undefined ? "" : `  =  ${valueText(m, nodes.get(step.node).shape)}   (lr = ${lr.toPrecision(3)})`;
    }
    $("caption").replaceChildren(told, ...(step.notes || []).map((t) => el("small", {}, t)));
  };
  const jump = (id) => el("button", { type: "button", class: "link", onclick: () => { node = id; centre(id); show(); } }, nodes.get(id).title);
  const row = (key, ...what) => [el("dt", {}, key), el("dd", {}, ...what)];
  const panel = () => {
    const n = nodes.get(node), g = gradAt(node, at), kept = document.activeElement?.id;
    const k = leafAt(node), scalar = k >= 0 && !Array.isArray(p[k]);
    const after = updated(node, at) ? moved(node) : undefined;
    const rows = [...row("kind", KINDS[n.kind] || n.kind), ...row("shape", n.shape.length ? `(${n.shape.join(", ")}${n.shape.length < 2 ? "," : ""})` : "scalar")];
    if (n.formula) rows.push(...row("formula", el("code", {}, n.formula)));
    if (made(node, at)) rows.push(...row("value", el("b", { id: "value" }, textOf(node)), textOf(node).includes(" \u00b1 ") ? el("small", {}, " mean \u00b1 deviation") : ""));
    if (after !== undefined) rows.push(...row("updated", el("b", { id: "updated" }, valueText(after, n.shape, n.kind))));
    if (g.text) rows.push(...row("gradient", el("b", { id: "grad", class: "g" }, g.said), n.uses > 1 ? ` ${g.times} of ${n.uses}` : ""));
    if (n.inputs.length) rows.push(...row("made of", ...n.inputs.filter((i) => nodes.has(i)).map(jump)));
    if (users.get(node).length) rows.push(...row("used by", ...[...new Set(users.get(node))].map(jump)));
    const body = [el("h2", {}, n.title, n.op && n.op !== n.title ? el("small", {}, ` ${n.op}`) : ""), el("dl", {}, ...rows)];
    if (scalar) {
      const reach = Math.max(1, Math.abs(start[k])) * 2;
      body.push(el("label", {}, `drag ${n.title} `, el("input", { id: "drag", type: "range", min: start[k] - reach,
        max: start[k] + reach, step: reach / 500, value: p[k], oninput: (e) => set(k, +e.target.value) })));
    }
    for (const [map, name, there] of [[n.heat, "value", made(node, at)], [n.slope, "gradient", g.text && g.times >= n.uses]])
      if (map && there && !changed()) body.push(heat(map, name));
    const folds = under(node).size;
    if (folds) body.push(el("button", { type: "button", id: "fold", onclick: () => fold(node) },
      folded.has(node) ? "unfold" : `fold ${folds} node${folds > 1 ? "s" : ""}`));
    $("panel").replaceChildren(...body);
    if (kept === "drag" || kept === "fold") $(kept)?.focus();
    if ($("losses")) $("losses").replaceChildren(...(losses.length ? [spark(losses), `${losses.length - 1} steps: ${num(losses[0])} to ${num(losses[losses.length - 1])}`] : []));
  };
  const changed = () => run && JSON.stringify(p) !== JSON.stringify(start);

  // -- moving
  const go = (k) => { at = Math.max(0, Math.min(steps.length - 1, k)); const s = steps[at]; if (!gone.has(s.node)) node = s.node; centre(s.from || node); show(); };
  const set = (k, v) => { p[k] = v; losses = []; compute(); at = Math.max(at, whole); show(); };
  const reset = () => { p = structuredClone(start); losses = []; compute(); at = whole; show(); };
  const descend = () => {
    if (!run) return;
    if (!losses.length) losses = [+list(valueOf(root))[0]];
    const next = D.program.learned.map((id) => [leafAt(id), moved(id)]);
    for (const [k, v] of next) if (v !== undefined) p[k] = v;
    compute();
    losses.push(+list(valueOf(root))[0]);
    at = whole;
    show();
  };
  const play = () => {
    if (timer) { clearInterval(timer); timer = 0; } else {
      if (at >= steps.length - 1) go(0);
      timer = setInterval(() => { go(at + 1); if (at >= steps.length - 1) play(); }, 800);
    }
    $("play").textContent = timer ? "pause" : "play";
  };
  const under = (id) => {  // what leads to this node and nowhere else
    const found = new Set();
    for (const n of [...D.nodes].reverse()) {
      const to = users.get(n.id);
      if (n.id !== id && to.length && to.every((u) => u === id || found.has(u))) found.add(n.id);
    }
    return found;
  };
  const fold = (id) => {
    folded.has(id) ? folded.delete(id) : under(id).size && folded.add(id);
    gone = new Set([...folded].flatMap((f) => [...under(f)]));
    show();
  };
  const search = (text) => {
    const q = text.trim().toLowerCase();
    hits = q ? D.nodes.filter((n) => `${n.title} ${n.op} ${n.formula} ${n.kind}`.toLowerCase().includes(q)).map((n) => n.id) : [];
    if (hits.length) { node = hits[0]; centre(node); }
    $("found").textContent = q ? `${hits.length} found` : "";
    show();
  };

  // -- the view
  const place = () => { svg.style.transform = `translate(${x}px,${y}px) scale(${zoom})`; };
  const fit = () => {
    const s = $("stage").getBoundingClientRect(), w = svg.clientWidth || svg.width.baseVal.value, h = svg.clientHeight || svg.height.baseVal.value;
    const wide = (s.width - 16) / w, all = Math.min(wide, (s.height - 16) / h);
    zoom = Math.max(0.4, Math.min(1.6, all < 0.55 ? Math.min(1, wide) : all));  // what is too tall stays readable
    x = (s.width - w * zoom) / 2;
    y = (s.height - h * zoom) / 2;
    place();
    centre(node);
  };
  const zoomTo = (factor, cx, cy) => { x = cx - (cx - x) * factor; y = cy - (cy - y) * factor; zoom *= factor; place(); };
  const centre = (id) => {
    const g = slots.get(id)[0]?.label || slots.get(id)[0]?.group;
    if (!g) return;
    const s = $("stage").getBoundingClientRect(), b = g.getBoundingClientRect();
    if (b.left <= s.left || b.right >= s.right) x += s.left + s.width / 2 - b.left - b.width / 2;
    if (b.top <= s.top || b.bottom >= s.bottom) {
      y += s.top + s.height / 2 - b.top - b.height / 2;
      const room = s.height - svg.getBoundingClientRect().height;
      if (room < 0) y = Math.max(room - 16, Math.min(16, y));
    }
    place();
  };
  const drag = (move) => {
    const drop = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", drop); };
    addEventListener("pointermove", move);
    addEventListener("pointerup", drop);
  };
  const grab = (e, n) => {  // a leaf that is one number moves with the pointer
    const k = leafAt(n.id);
    e.stopPropagation();
    node = n.id;
    show();
    if (k < 0 || Array.isArray(p[k])) return;
    e.preventDefault();
    const from = e.clientX, v = p[k], scale = Math.max(1, Math.abs(v)) / 100;
    drag((m) => set(k, v + (m.clientX - from) * scale));
  };
  $("stage").addEventListener("pointerdown", (e) => {
    const from = [e.clientX - x, e.clientY - y];
    drag((m) => { x = m.clientX - from[0]; y = m.clientY - from[1]; place(); });
  });
  $("stage").addEventListener("wheel", (e) => {
    e.preventDefault();
    const s = $("stage").getBoundingClientRect();
    zoomTo(e.deltaY < 0 ? 1.15 : 1 / 1.15, e.clientX - s.left, e.clientY - s.top);
  }, { passive: false });

  // -- links, keys, buttons
  const link = () => { try { history.replaceState(null, "", `#step=${at}&node=${node}`); } catch { /* a sandboxed frame */ } };
  const follow = () => {
    let wanted;
    try { wanted = new URLSearchParams(location.hash.slice(1)); } catch { return; }
    if (/^\d+$/.test(wanted.get("step") || "")) at = Math.min(steps.length - 1, +wanted.get("step"));
    if (nodes.has(wanted.get("node"))) node = wanted.get("node");
  };
  const nudge = (by) => { const k = leafAt(node); if (k >= 0 && !Array.isArray(p[k])) set(k, p[k] + by); };
  const KEYS = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(whole),
    " ": play, "/": () => $("search").focus(), f: () => fold(node), d: descend, r: reset, 0: fit,
    "+": () => zoomTo(1.2, 200, 200), "-": () => zoomTo(1 / 1.2, 200, 200),
    ArrowUp: () => nudge(0.1), ArrowDown: () => nudge(-0.1), Escape: () => { $("search").value = ""; search(""); } };
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = e.target.tagName === "INPUT" && e.key !== "Escape";
    if (typing || !KEYS[e.key] || (e.target.tagName === "BUTTON" && e.key === " ")) return;
    e.preventDefault();
    KEYS[e.key]();
  });
  const press = (id, f) => $(id)?.addEventListener("click", f);
  press("first", () => go(0)); press("back", () => go(at - 1)); press("play", play); press("next", () => go(at + 1));
  press("last", () => go(whole)); press("descend", descend); press("reset", reset);
  $("at").addEventListener("input", (e) => go(+e.target.value));
  $("search").addEventListener("input", (e) => search(e.target.value));
  $("lr")?.addEventListener("input", (e) => { lr = 10 ** +e.target.value; $("rate").textContent = lr.toPrecision(2); show(); });
  addEventListener("hashchange", () => { follow(); show(); });
  addEventListener("resize", fit);
  $("at").max = steps.length - 1;
  compute();
  follow();
  fit();
  show();

  Object.defineProperty(window, "__gd", { value: Object.freeze({
    get step() { return at; }, get phase() { return steps[at].phase; }, get node() { return node; }, get steps() { return steps.length; },
    get hits() { return [...hits]; }, get hidden() { return [...gone]; }, get lr() { return lr; }, get losses() { return [...losses]; },
    get leaves() { return structuredClone(p); }, value: (id) => valueOf(id), grad: (id) => gradAt(id, at).sum, text: (id) => textOf(id),
    get seed() { return seed; }, get whole() { return whole; } }) });
})();
