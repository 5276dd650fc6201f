"""A recorded run as a page: scrubbed through in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.study.browser import opened
from tests.study.test_runs import derived, line
from tinygrad_gd.__main__ import main
from tinygrad_gd.study.runs.page import page
from tinygrad_gd.study.runs.report import report
from tinygrad_gd.study.runs.run import Run


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from opened(tmp_path_factory.mktemp("chromium"))


def test_the_page_is_written_beside_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line(tmp_path, lr=0.1)
    assert main(["replay", str(tmp_path / "run.npz"), "-o", str(tmp_path / "run.html")]) == 1
    assert "reach" in capsys.readouterr().out
    html = (tmp_path / "run.html").read_text()
    assert "it reaches 2.37 times as far" in html and "lr below 0.0845" in html
    assert len(html) < 100_000 and not re.search(r'(src|href)="(?!data:)', html)
    assert main(["replay", str(tmp_path / "run.npz"), "-o", str(tmp_path / "run.txt")]) == 2


@pytest.mark.browser
def test_scrubbing_shows_each_step_on_curves_path_and_graph(chrome: Any, tmp_path: Path) -> None:
    run = line(tmp_path, lr=0.1)
    (tmp_path / "run.html").write_text(page(run, "run.npz"), encoding="utf-8")
    chrome.get("about:blank")
    chrome.get_log("browser")
    chrome.get(f"file://{tmp_path}/run.html#step=2")

    def js(text: str, *arguments: Any) -> Any:
        return chrome.execute_script(f"return {text}", *arguments)

    gradients, _, _ = derived(run)
    ids = [node["id"] for node in run.picture["data"]["nodes"] if node["title"] in run.names]
    by_name = {node["title"]: node["id"] for node in run.picture["data"]["nodes"]}
    assert js("__gd.step") == 2 and len(ids) == 2
    for k in (2, 3, 19):
        js(f"(e => {{ e.value = {k}; e.dispatchEvent(new Event('input')) }})(document.getElementById('at'))")
        got = [js("__gd.grad(arguments[0])", by_name[name]) for name in run.names]
        np.testing.assert_allclose(got, gradients[k], rtol=1e-9)
        np.testing.assert_allclose(js("__gd.value(arguments[0])", run.picture["data"]["root"]), run.loss[k], rtol=1e-9)
        assert f"step {k + 1}: loss" in js("document.getElementById('caption').textContent")
        assert "reach 2.37" in js("document.getElementById('caption').textContent")
        assert tg.pictures.figures.number(gradients[k][0]) in js("document.getElementById('graph').textContent")
    assert js("document.querySelectorAll('.curve').length") == 3 and js("document.querySelectorAll('.plane circle').length") == 22
    overlaps = """[...document.querySelectorAll('#graph g.node')].some(g => { const t = [...g.querySelectorAll('text:not(.tag)')]
        .slice(-2).map(e => e.getBBox()); return t[0].x + t[0].width > t[1].x + 1 && Math.abs(t[0].y - t[1].y) < 3; })"""
    assert js(overlaps) is False
    sizes = js("[...document.querySelectorAll('#graph g.node text')].map(e => parseFloat(getComputedStyle(e).fontSize))")
    assert len(sizes) > 10 and min(sizes) > 6, sizes
    assert js("[...document.querySelectorAll('.curve text')].map(e => e.textContent)") == ["1", "2"]
    chrome.find_element("id", "wrong").click()
    assert js("__gd.step") == 0
    chrome.find_element("id", "next").click()
    assert js("__gd.step") == 1 and js("performance.getEntriesByType('resource').length") == 0
    assert not [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.browser
def test_a_run_of_many_numbers_has_curves_alone_and_nan_does_not_break_the_page(chrome: Any, tmp_path: Path) -> None:
    w = tg.Tensor(np.ones(100), requires_grad=True, name="w")
    with np.errstate(all="ignore"), tg.record(tmp_path / "run.npz"):
        for step in range(6):
            w.zero_grad()
            ((w * w).sum() * (np.nan if step == 4 else 1.0)).backward()
            with tg.no_grad():
                w -= 0.1 * w.grad  # type: ignore[operator]
    (tmp_path / "run.html").write_text(page(Run.load(tmp_path / "run.npz"), "run.npz"), encoding="utf-8")
    chrome.get("about:blank")
    chrome.get_log("browser")
    chrome.get(f"file://{tmp_path}/run.html")
    assert chrome.execute_script("return [__gd.step, __gd.steps]") == [4, 5]
    assert "loss NaN" in chrome.find_element("id", "caption").text
    assert not chrome.find_elements("id", "graph") and len(chrome.find_elements("class name", "curve")) == 3
    assert not [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_report_keeps_to_the_width_of_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    line(tmp_path, lr=0.1, steps=60)
    longest = {}
    for columns in (80, 100, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main(["replay", str(tmp_path / "run.npz")]) == 1
        longest[columns] = max(map(len, capsys.readouterr().out.splitlines()))
    assert 60 < longest[80] <= 80 < longest[100] <= 104 and longest[200] == longest[100]


def test_what_is_not_known_is_a_dash_and_no_bottom_is_explained(tmp_path: Path) -> None:
    p = tg.Tensor(np.array([0.3, 0.2]), requires_grad=True, name="p")
    with np.errstate(all="ignore"), tg.record(tmp_path / "run.npz"):
        for _ in range(5):
            p.zero_grad()
            np.sqrt(p).sum().backward()
            with tg.no_grad():
                p -= 0.05 * p.grad  # type: ignore[operator]
    run = Run.load(tmp_path / "run.npz")
    text = report(run, "run.npz")
    assert "nan" not in text and "      -  " in text and "below 0 the loss has no bottom along it" in text
    html = page(run, "run.npz")
    assert '"axes":["p[0]","p[1]"]' in html and "w goes to the first wrong step" in html
    line(tmp_path, lr=0.05)
    fine = Run.load(tmp_path / "run.npz")
    assert "no bottom" not in report(fine, "run.npz") and "first wrong step." not in page(fine, "run.npz")


@pytest.mark.browser
def test_a_run_of_layers_shows_the_gradient_of_each(chrome: Any, tmp_path: Path) -> None:
    tg.manual_seed(0)
    net = tg.nn.Sequential(tg.nn.Linear(64, 8), tg.nn.Tanh(), tg.nn.Linear(8, 3))
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
    with tg.record(tmp_path / "run.npz"):
        for _ in range(4):
            optimizer.zero_grad()
            tg.nn.cross_entropy(net(np.eye(64)), np.arange(64) % 3).backward()
            optimizer.step()
    run = Run.load(tmp_path / "run.npz")
    (tmp_path / "run.html").write_text(page(run, "run.npz"), encoding="utf-8")
    chrome.get(f"file://{tmp_path}/run.html#step=2")
    told = chrome.find_element("id", "graph").text
    assert all(name in told for name in run.names) and f"{run.gradients[2, 0]:.4f}" in told
    assert len(chrome.find_elements("css selector", "#graph .curve")) == 4


@pytest.mark.browser
def test_on_a_phone_the_page_scrolls_and_nothing_is_squeezed(chrome: Any, tmp_path: Path) -> None:
    (tmp_path / "run.html").write_text(page(line(tmp_path, lr=0.1), "run.npz"), encoding="utf-8")
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        chrome.get(f"file://{tmp_path}/run.html")
        heights = chrome.execute_script("return ['caption', 'curves', 'graph', 'plane'].map(i => document.getElementById(i).getBoundingClientRect().height)")
        tops = chrome.execute_script("return ['caption', 'curves', 'graph', 'plane'].map(i => document.getElementById(i).getBoundingClientRect().top)")
        assert tops == sorted(tops) and min(heights[1:]) > 250, (tops, heights)
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= 400
    finally:
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
