"""The explorer: its data, its page, and what it does in a real browser."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w
from tests.study.browser import opened
from tests.study.test_javascript import GRAPHS, A, C, X, held
from tinygrad_gd.commands.demo import fit_line
from tinygrad_gd.engine.graph import Node, nodes_of
from tinygrad_gd.study.explorer.javascript import script_of

Y = 2 * X + 1


def line(weight: float = 0.0, bias: float = 0.0) -> tg.Tensor:
    w, b = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((weight, "w"), (bias, "b")))
    return ((w * X + b - Y) ** 2).mean()


def network() -> tg.Tensor:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(3, 8), tg.nn.Tanh(), tg.nn.Linear(8, 2))
    return tg.nn.cross_entropy(net(np.random.default_rng(0).standard_normal((8, 3))), np.array([0, 1] * 4))


def fifty() -> tg.Tensor:
    """A graph of 50 nodes."""
    a, c = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((A, "a"), (C, "c")))
    total: Any = a
    for k in range(20):
        total = tg.tanh(total * c) if k % 2 else total + a * 0.1
    return total + c * 2 + a * 3 + c * a + 1.0 - 1.0


# -- without a browser -------------------------------------------------------------------------------


def test_the_data_hold_every_step_of_the_pass() -> None:
    data = tg.explore(line()).data
    assert json.dumps(data) and data["schema"] == 1
    assert [s["phase"] for s in data["steps"]] == ["forward"] * 5 + ["seed"] + ["backward"] * 6 + ["update"] * 2
    nodes = {n["title"]: n for n in data["nodes"]}
    assert {"w", "b", data["name"]} <= set(nodes) and nodes["w"]["kind"] == "param"
    ids = {n["id"] for n in data["nodes"]}
    assert all({s, t} <= ids for s, t, _ in data["edges"]) and all(set(n["inputs"]) <= ids for n in data["nodes"])
    final = [s for s in data["steps"] if s["phase"] == "backward" and s["node"] == nodes["w"]["id"]][-1]
    assert final["text"].startswith("d_w = sum(d_t1 * ") and final["total"] == "-50.0000"
    assert data["program"]["learned"] == [nodes["w"]["id"], nodes["b"]["id"]]


def test_what_is_used_twice_is_seen_to_accumulate() -> None:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    steps = [s for s in tg.explore(a * a + a).data["steps"] if s["phase"] == "backward"]
    to_a = [s for s in steps if s["text"].startswith("d_a")]
    assert [(s["received"], s["uses"], s["total"]) for s in to_a] == [
        (1, 3, "1.0000"), (2, 3, "4.0000"), (3, 3, "7.0000")]
    assert to_a[1]["text"].startswith("d_a += ")


def test_heat_maps_hold_signs_and_sizes() -> None:
    values = np.linspace(-2, 1, 24).reshape(4, 6)
    p = tg.Tensor(values, requires_grad=True, name="p")
    (node,) = (n for n in tg.explore((p * p).sum()).data["nodes"] if n["title"] == "p")
    got = np.frombuffer(b64decode(node["heat"]["data"]), np.int8).reshape(4, 6) / 127 * node["heat"]["most"]
    np.testing.assert_allclose(got, values, atol=2 / 127)
    slope = np.frombuffer(b64decode(node["slope"]["data"]), np.int8).reshape(4, 6) / 127 * node["slope"]["most"]
    np.testing.assert_allclose(slope, 2 * values, atol=4 / 127)
    wide = tg.Tensor(np.ones((40, 40)), requires_grad=True)
    cut = next(n for n in tg.explore(wide.sum()).data["nodes"] if "heat" in n)["heat"]
    assert (cut["rows"], cut["columns"]) == (16, 16) and "the first 16 x 16 of 40 x 40" in cut["cut"]


def test_a_page_of_fifty_nodes_is_small_and_its_script_too(tmp_path: Path) -> None:
    explorer = tg.explore(fifty(), tmp_path / "page.html")
    assert len(explorer.data["nodes"]) == 50
    size = (tmp_path / "page.html").stat().st_size
    assert size < 100_000, size
    assert len(script(explorer.html)) - len(script_of(fifty()).text) < 20_000
    assert tg.explore(line()).html == tg.explore(line()).html


def chain(*starts: float, operations: int = 200) -> tuple[tg.Tensor, list[tg.Tensor]]:
    """As many operations of one number as a page computes."""
    leaves = [tg.Tensor(x, requires_grad=True, name=f"w{i}") for i, x in enumerate(starts)]
    h: Any = leaves[0] * 1.0
    while len(nodes_of(h)) < operations:
        k = len(nodes_of(h))
        h = tg.tanh(h) if k % 5 == 0 else h * leaves[k % len(leaves)] if k % 2 else h + leaves[k % len(leaves)]
    return h, leaves


def test_a_page_grows_with_the_number_of_its_nodes_and_no_faster(tmp_path: Path) -> None:
    def sizes(operations: int) -> tuple[int, int]:
        html = tg.explore(chain(0.5, 0.6, 0.7, operations=operations)[0]).html
        return len(html.encode()), len(script(html))

    (small, few), (large, many) = sizes(100), sizes(200)
    assert large < 400_000 and 0 < large - small < 2_000 * 100
    assert 0 < many - few < 120 * 100


def script(html: str) -> str:
    return html.rpartition("<script>")[2].partition("</script>")[0]


def test_the_policy_allows_this_script_and_no_request() -> None:
    from base64 import b64encode
    from hashlib import sha256

    html = tg.explore(line()).html
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    digest = b64encode(sha256(script(html).encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy and "http" not in policy
    assert "unsafe-eval" not in policy and not re.search(r'(src|href)="(?!data:)', html.replace('xmlns', ''))


def test_hostile_names_stay_text() -> None:
    name = '</script><script>alert(1)</script>"&\\'
    p = tg.Tensor(2.0, requires_grad=True, name=name)
    html = tg.explore(p * p).html
    assert html.count("<script") == 2 and html.count("</script>") == 2


def test_the_users_tensors_are_left_alone() -> None:
    leaf: Any = tg.Tensor(3.0, requires_grad=True, name="w")
    loss = (leaf * X).sum()
    tg.explore(loss)
    assert leaf.grad is None
    loss.backward()
    kept = leaf.grad.item()
    tg.explore(loss)
    assert leaf.grad.item() == kept


def test_what_a_gradient_is_stands_beside_it() -> None:
    steps = {s["text"].partition(" ")[0]: s for s in tg.explore(line()).data["steps"] if s["phase"] == "backward"}
    assert steps["d_t2"]["total"] == "[-1.2 -2 -2.8 -3.6 -4.4]" and steps["d_t2"]["norm"] == "6.7528"
    assert steps["d_w"]["total"] == "-50.0000" and "norm" not in steps["d_w"]
    assert any(s["total"].startswith("norm 0.") for s in tg.explore(network()).data["steps"] if s["phase"] == "backward")


def test_heat_maps_of_zeros_and_infinities() -> None:
    p = tg.Tensor(np.array([[0.5, 1.0], [-2.0, 0.0]]), requires_grad=True, name="p")
    masked = np.where(np.array([[True, False], [False, False]]), -np.inf, p * 0.5)
    nodes = {n["title"]: n for n in tg.explore((tg.softmax(masked, axis=1) * (p * 0.0)).sum()).data["nodes"]}
    heats = [n["heat"] for n in nodes.values() if "heat" in n]
    (infinite,) = (h for h in heats if h["cut"])
    assert infinite["most"] == 1.0 and infinite["cut"] == "infinite ones in full colour, no colour for NaN, "
    assert np.frombuffer(b64decode(infinite["data"]), np.int8).tolist() == [-127, 64, -127, 0]
    assert [h["most"] for h in heats if not any(b64decode(h["data"]))] == [0.0, 0.0]


def test_a_classifier_is_computed_in_the_page_and_what_is_not_says_why() -> None:
    assert tg.explore(network()).data["program"] is not None
    wide = tg.explore((tg.Tensor(np.ones((70, 70)), requires_grad=True) * 2).sum())
    assert "leaves cannot be dragged" in wide.html and "it has 4,901 numbers, and a page computes 4,000" in wide.html
    assert "Steps, folding, search and heat maps work" in wide.html


def test_a_notebook_gets_a_sandboxed_frame_and_a_picture_that_stands_alone() -> None:
    bundle = tg.explore(line())._repr_mimebundle_()
    (picture,) = re.findall(r"svg.xml;base64,([^\"]*)", bundle["text/html"])
    alone, small = (text.count('font-size="9.00"') for text in (b64decode(picture).decode(), tg.explore(line()).html))
    assert alone > 10 and not small  # on the page the style sheet says it
    assert set(bundle) == {"text/html", "text/plain"}
    assert 'sandbox="allow-scripts"' in bundle["text/html"] and "data:image/svg+xml;base64," in bundle["text/html"]
    assert set(tg.explore(line())._repr_mimebundle_(exclude=["text/html"])) == {"text/plain"}


def many() -> tg.Tensor:
    x: Any = w(1.0)
    for _ in range(401):
        x = x * 1.0
    return x


MISUSE: Table = {
    "no tensor": (lambda: tg.explore(3.0), TypeError, "expected a Tensor"),
    "a leaf": (lambda: tg.explore(w(1.0)), RuntimeError, "expected a loss"),
    "a vector": (lambda: tg.explore(w() * 2), RuntimeError, "one recorded number"),
    "a path": (lambda: tg.explore(line(), "page.svg"), ValueError, "ends in .html"),
    "many": (lambda: tg.explore(many()), ValueError, "401 operations"),
    "lr": (lambda: tg.explore(line(), lr=-1), ValueError, "lr must be >= 0"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


# -- in a browser ------------------------------------------------------------------------------------

browser = pytest.mark.browser


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from opened(tmp_path_factory.mktemp("chromium"))


class Page:
    """An explorer in the browser."""

    def __init__(self, driver: Any, path: Path, explorer: Any, link: str = "") -> None:
        self.driver, self.data = driver, explorer.data
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get(f"file://{path}{link}")
        self.ids = {n["title"]: n["id"] for n in self.data["nodes"]}

    def js(self, text: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {text}", *arguments)

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def click(self, name: str) -> None:
        self.driver.find_element("id", name).click()

    def element(self, title: str) -> Any:
        """Where a node is seen: its box, or of a leaf its name in the first box that uses it."""
        (box, label, *_), *_ = next(n["spots"] for n in self.data["nodes"] if n["title"] == title)
        group = self.driver.find_element("id", box)
        texts = group.find_elements("tag name", "text")
        return next(t for t in texts if t.text == label) if label else group

    def shown(self, title: str) -> str:
        """All that stands in the box of a node."""
        return str(self.js("arguments[0].closest('g').textContent", self.element(title)))

    def classes(self, title: str) -> set[str]:
        return set(self.js("arguments[0].getAttribute('class') || ''", self.element(title)).split())

    def quiet(self) -> bool:
        """No request, and nothing in the console."""
        requests = self.js("performance.getEntriesByType('resource').length")
        severe = [line for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]
        assert not severe, severe
        return bool(requests == 0)


def page(chrome: Any, folder: Path, loss: tg.Tensor, link: str = "", **options: Any) -> Page:
    path = folder / "page.html"
    return Page(chrome, path, tg.explore(loss, path, **options), link)


@browser
def test_stepping_fills_in_values_and_then_gradients(chrome: Any, tmp_path: Path) -> None:
    loss = line()
    p = page(chrome, tmp_path, loss)
    assert p.js("__gd.phase") == "backward" and "-50.0000" in p.shown("w")
    p.click("first")
    root = p.data["name"]
    assert p.js("__gd.step") == 0 and "57.0000" not in p.shown(root) and "later" in p.classes(root)
    assert "-50.0000" not in p.shown("w") and "0.0000" in p.shown("w") and "active" in p.classes("t1")
    for _ in range(4):
        p.click("next")
    assert "57.0000" in p.shown(root) and "later" not in p.classes(root)
    p.click("next")
    assert p.js("__gd.phase") == "seed" and "1.0000" in p.shown(root)
    p.click("next")
    assert "sends" in p.classes(root) and p.js("document.querySelectorAll('.back').length") == 1
    assert "each element of t4 is 1/5 of the mean" in p.js("document.getElementById('caption').textContent")
    p.click("back")
    p.click("last")
    assert "-14.0000" in p.shown("b") and p.js("__gd.step") == p.js("__gd.whole")
    p.click("next")
    assert p.js("__gd.phase") == "update" and p.js("document.getElementById('caption').textContent").startswith("w -= lr * d_w")
    assert "2.5000" in p.shown("w") and p.quiet()


@browser
def test_contributions_are_seen_to_accumulate(chrome: Any, tmp_path: Path) -> None:
    a = tg.Tensor(3.0, requires_grad=True, name="a")
    p = page(chrome, tmp_path, a * a + a)
    met = []
    p.press("\ue011")  # Home
    for _ in range(p.js("__gd.steps")):
        met.append(p.js("__gd.grad(arguments[0])", p.ids["a"]))
        p.press("\ue014")  # right
    assert list(dict.fromkeys(met)) == [None, 1, 4, 7] and p.quiet()


def moved(driver: Any, element: Any, by: int) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).move_to_element(element).click_and_hold().move_by_offset(by, 0).release().perform()


@browser
@pytest.mark.parametrize("name", ["micrograd", "line", "sigmoid", "where", "length"])
def test_a_dragged_leaf_moves_every_value_and_gradient_as_the_engine_would(
        name: str, chrome: Any, tmp_path: Path) -> None:
    a, c = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((A, "a"), (C, "c")))
    root = GRAPHS[name](a, c)
    p = page(chrome, tmp_path, root)
    moved(chrome, p.element("a"), 60)
    where = dict(zip(p.data["program"]["leaves"], p.js("__gd.leaves"), strict=True))
    now = where[p.ids["a"]]
    assert abs(now - A) > 1 and where[p.ids["c"]] == C
    a2, c2 = tg.Tensor(now, requires_grad=True), tg.Tensor(C, requires_grad=True)
    again = GRAPHS[name](a2, c2)
    again.backward()
    twin = script_of(again)
    assert len(twin.nodes) == len(p.data["program"]["nodes"])
    for i, node in zip(p.data["program"]["nodes"], twin.nodes, strict=True):
        np.testing.assert_allclose(np.ravel(p.js("__gd.value(arguments[0])", i)), np.ravel(held(node)), rtol=1e-12, atol=1e-12)
    for title, leaf in (("a", a2), ("c", c2)):
        np.testing.assert_allclose(p.js("__gd.grad(arguments[0])", p.ids[title]), leaf.grad.item(), rtol=1e-12, atol=1e-12)
    assert tg.pictures.figures.number(now) in p.shown("a") and p.quiet()
    p.click("reset")
    assert p.js("__gd.leaves") == p.data["program"]["start"]


@browser
def test_two_hundred_operations_are_dragged_as_the_engine_would(chrome: Any, tmp_path: Path) -> None:
    loss, leaves = chain(0.5, 0.6, 0.7)
    ids = {n["title"]: n["id"] for n in tg.explore(loss).data["nodes"]}
    p = page(chrome, tmp_path, loss, f"#node={ids['w1']}")
    assert len(p.data["program"]["nodes"]) == 200
    moved(chrome, p.element("w1"), 40)
    values = dict(zip(p.data["program"]["leaves"], p.js("__gd.leaves"), strict=True))
    again, others = chain(*(float(values[p.ids[f"w{i}"]]) for i in range(3)))
    again.backward()
    assert others[1].item() != leaves[1].item()
    for i, node in zip(p.data["program"]["nodes"], nodes_of(again), strict=True):
        np.testing.assert_allclose(p.js("__gd.value(arguments[0])", i), held(node.tensor), rtol=1e-12, atol=1e-12)
    for leaf in others:
        assert leaf.grad is not None
        np.testing.assert_allclose(p.js("__gd.grad(arguments[0])", p.ids[str(leaf.name)]), leaf.grad.item(), rtol=1e-12)
    p.click("descend")
    losses = p.js("__gd.losses")
    assert len(losses) == 2 and losses[1] < losses[0] and p.quiet()


@browser
def test_of_a_tall_graph_one_sees_the_step_and_can_read_it(chrome: Any, tmp_path: Path) -> None:
    p = page(chrome, tmp_path, chain(0.5, 0.6, 0.7)[0])
    seen = """(e => { const b = e.getBoundingClientRect(), s = document.getElementById('stage').getBoundingClientRect();
        return [b.top >= s.top && b.bottom <= s.bottom, b.height]; })(document.querySelector(arguments[0]))"""
    first = p.data["steps"][0]
    for key, step in (("first", first), ("last", p.data["steps"][p.js("__gd.whole")])):
        p.click(key)
        box = next(n["spots"][0][0] for n in p.data["nodes"] if n["id"] == step.get("from", step["node"]))
        within, height = p.js(seen, f"#{box}")
        assert within and height > 40, (key, height)
    assert p.quiet()


@browser
def test_the_step_button_descends_and_diverges_as_the_tutorial_does(chrome: Any, tmp_path: Path) -> None:
    p = page(chrome, tmp_path, line(), lr=0.1)
    for _ in range(3):
        p.click("descend")
    rows = list(fit_line(0.1, 4))
    np.testing.assert_allclose(p.js("__gd.losses"), [loss for loss, _, _ in rows], rtol=1e-12)
    np.testing.assert_allclose([p.js("__gd.value(arguments[0])", p.ids[n]) for n in "wb"], rows[2][1:], rtol=1e-12)
    assert "3 steps" in p.js("document.getElementById('losses').textContent")
    p.press("r")
    p.js("(e => { e.value = Math.log10(0.05); e.dispatchEvent(new Event('input')) })(document.getElementById('lr'))")
    p.press("d", "d", "d")
    assert p.js("__gd.losses")[3] < 1 and p.quiet()


@browser
def test_folding_hides_what_leads_to_a_node_and_nowhere_else(chrome: Any, tmp_path: Path) -> None:
    a, c = (tg.Tensor(v, requires_grad=True, name=n) for v, n in ((A, "a"), (C, "c")))
    h = (a * 2.0 + 1.0) * c
    h.name = "h"
    p = page(chrome, tmp_path, h * h + c)
    p.js("arguments[0].focus()", p.element("h"))
    p.press("f")
    hidden = set(p.js("__gd.hidden"))
    assert p.ids["a"] in hidden and p.ids["c"] not in hidden and len(hidden) == 3
    inner = next(n["title"] for n in p.data["nodes"] if n["op"] == "add" and n["id"] in hidden)
    assert "gone" in p.classes(inner) and "folded" in p.classes("h")
    p.click("fold")
    assert p.js("__gd.hidden") == [] and "gone" not in p.classes(inner) and p.quiet()


@browser
def test_searching_keys_and_links(chrome: Any, tmp_path: Path) -> None:
    loss = network()
    p = page(chrome, tmp_path, loss, "#step=3&node=n2")
    assert (p.js("__gd.step"), p.js("__gd.node")) == (3, "n2")
    p.press("/", "tanh")
    (hit,) = p.js("__gd.hits")
    assert p.js("__gd.node") == hit and "hit" in p.classes(next(n["title"] for n in p.data["nodes"] if n["id"] == hit))
    p.press("\ue00c")  # Escape
    assert p.js("__gd.hits") == []
    p.js("document.activeElement.blur()")
    p.press("\ue010")  # End
    assert p.js("location.hash") == f"#step={p.js('__gd.whole')}&node={p.js('__gd.node')}"
    assert p.quiet() and p.js("[...document.querySelectorAll('button,input')].every(e => e.textContent || e.ariaLabel || e.labels?.length)")


@browser
def test_a_graph_of_arrays_steps_with_heat_maps(chrome: Any, tmp_path: Path) -> None:
    loss = network()
    p = page(chrome, tmp_path, loss)
    title = next(n["title"] for n in p.data["nodes"] if n["shape"] == [8, 3] and n["kind"] == "param")
    p.js("arguments[0].focus()", p.element(title))
    assert p.js("document.querySelectorAll('.heat rect').length") == 2 * 24 and p.js("__gd.text(arguments[0])", p.ids[title])
    (shown,) = (n["spots"][0][3] for n in p.data["nodes"] if n["title"] == title)
    assert shown in p.shown(title) and p.js("document.getElementById('grad').textContent") == f"norm {shown}" and p.quiet()
    assert p.js("document.getElementById('stage').textContent.includes('\u00b1')")
    p.press("\ue011")  # Home: of boxes that are not computed yet nothing is told
    late = "[...document.querySelectorAll('#stage .later text:not(.tag)')].map(e => e.textContent).join(' ')"
    assert "linear" in p.js(late) and "\u00b1" not in p.js(late)


@browser
def test_numbers_that_grow_stay_readable(chrome: Any, tmp_path: Path) -> None:
    bias = tg.Tensor(np.zeros(4), requires_grad=True, name="bias")
    rows = np.linspace(-123.4567, 98.7654, 8).reshape(2, 4)
    p = page(chrome, tmp_path, ((rows + bias) ** 2).mean(), lr=0.5)
    p.js("(e => { e.value = e.max; e.dispatchEvent(new Event('input')) })(document.getElementById('at'))")
    sizes = p.js("[...document.querySelectorAll('#stage g.node text')].map(e => [e.textContent, parseFloat(getComputedStyle(e).fontSize)])")
    assert len(sizes) > 6 and min(size for _, size in sizes) >= 0.8 * 8, sizes
    assert "0 0 0 0" not in p.shown("bias") and p.js("document.getElementById('updated').textContent.length") > 9
    p.js("(e => { e.value = 1; e.dispatchEvent(new Event('input')) })(document.getElementById('lr'))")
    p.press("d", "d", "d", "d", "d")
    sizes = p.js("[...document.querySelectorAll('#stage g.node text')].map(e => [e.textContent, parseFloat(getComputedStyle(e).fontSize)])")
    assert min(size for _, size in sizes) >= 0.7 * 8 and p.quiet(), sizes


@browser
def test_on_a_phone_the_picture_and_the_step_are_seen_together(chrome: Any, tmp_path: Path) -> None:
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False})
    try:
        p = page(chrome, tmp_path, network())
        bottom = p.js("document.getElementById('caption').getBoundingClientRect().bottom")
        height = p.js("document.getElementById('stage').getBoundingClientRect().height")
        assert height > 300 and bottom < 760 and p.js("document.documentElement.scrollWidth") <= 400
        assert p.js("getComputedStyle(document.querySelector('.keys')).display") == "none" and p.quiet()
    finally:
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@browser
def test_it_works_in_a_sandboxed_frame(chrome: Any, tmp_path: Path) -> None:
    html = tg.explore(line()).html
    (tmp_path / "notebook.html").write_text(
        f'<!DOCTYPE html><body><iframe id="cell" sandbox="allow-scripts" width="1000" height="600" srcdoc="{escape(html)}"></iframe>')
    chrome.get("about:blank")
    chrome.get_log("browser")
    chrome.get(f"file://{tmp_path}/notebook.html")
    chrome.switch_to.frame("cell")
    try:
        assert chrome.execute_script("return __gd.phase") == "backward"
        chrome.find_element("id", "first").click()
        chrome.find_element("id", "next").click()
        assert chrome.execute_script("return __gd.step") == 1
    finally:
        chrome.switch_to.default_content()
    assert not [e for e in chrome.get_log("browser") if e["level"] == "SEVERE"]


@browser
def test_motion_is_left_out_where_it_is_not_wanted_and_dark_is_dark(chrome: Any, tmp_path: Path) -> None:
    p = page(chrome, tmp_path, line(), "#step=7")
    animated = "getComputedStyle(document.querySelector('.back path')).animationName"
    paper = "getComputedStyle(document.body).backgroundColor"
    assert p.js(animated) == "back" and p.js(paper) == "rgb(255, 255, 255)"
    try:
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "prefers-color-scheme", "value": "dark"}]})
        assert p.js(animated) == "none" and p.js(paper) == "rgb(15, 21, 32)"
    finally:
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert p.quiet()


def test_a_stale_graph_is_refused() -> None:
    p = tg.Tensor(2.0, requires_grad=True, name="p")
    loss = p * p
    with tg.no_grad():
        p -= 1.0
    with pytest.raises(tg.GradError, match="Compute the loss again"):
        tg.explore(loss)
    assert Node(loss).value == 4.0
