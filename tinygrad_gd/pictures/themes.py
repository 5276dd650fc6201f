"""Colours: light, dark, and for a printer without any. Words say the same, so none is needed."""

from __future__ import annotations

from typing import NamedTuple

#: What a box can be, in the order of a legend.
KINDS = ("input", "const", "param", "op", "act", "red", "view", "loss", "module", "many", "hidden")


class Theme(NamedTuple):
    """The colours of a picture, as six hex digits, which all engines know."""

    page: str
    body: str  # of a box
    text: str
    quiet: str
    gradient: str
    alarm: str  # behind what is not finite
    edge: str
    cut: str  # an edge that no gradient flows back along
    param: str  # the name of a parameter
    given: str  # the name of an input or constant
    frames: tuple[str, str, str]  # behind open modules, by depth
    frame: str  # around them
    scale: tuple[str, str]  # from little to much
    kinds: dict[str, tuple[str, str]]  # fill and border


_GREY = ("#EEEEEE", "#000000")

THEMES = {
    "light": Theme(
        "#FFFFFF", "#FFFFFF", "#0F172A", "#526071", "#B42318", "#FEE2E2", "#64748B", "#94A3B8",
        "#005A94", "#006B50", ("#F8FAFC", "#EEF2FF", "#E0E7FF"), "#94A3B8", ("#FFFFFF", "#FDBA74"),
        {"input": ("#D7F0E6", "#006B50"), "const": ("#D7F0E6", "#006B50"),
         "param": ("#D6E8F7", "#005A94"), "op": ("#F1F5F9", "#475569"), "act": ("#FCEFCF", "#8A5A00"),
         "red": ("#F3E3EE", "#8E3B73"), "view": ("#FFFFFF", "#526071"), "loss": ("#FBDDCB", "#A03A00"),
         "module": ("#E3E6FB", "#4650B8"), "many": ("#E3E6FB", "#4650B8"),
         "hidden": ("#E3E6FB", "#4650B8")}),
    "dark": Theme(
        "#0F172A", "#1E293B", "#F1F5F9", "#A7B4C6", "#FCA5A5", "#7F1D1D", "#94A3B8", "#64748B",
        "#93C5FD", "#6EE7B7", ("#172033", "#1B2540", "#232C52"), "#64748B", ("#1E293B", "#B45309"),
        {"input": ("#064E3B", "#6EE7B7"), "const": ("#064E3B", "#6EE7B7"),
         "param": ("#0C3B66", "#93C5FD"), "op": ("#334155", "#CBD5E1"), "act": ("#4A3508", "#FCD34D"),
         "red": ("#4A1D3D", "#F0ABFC"), "view": ("#1E293B", "#A7B4C6"), "loss": ("#5A2407", "#FDBA74"),
         "module": ("#2B2F66", "#C7D2FE"), "many": ("#2B2F66", "#C7D2FE"),
         "hidden": ("#2B2F66", "#C7D2FE")}),
    "print": Theme(
        "#FFFFFF", "#FFFFFF", "#000000", "#444444", "#000000", "#D0D0D0", "#000000", "#888888",
        "#000000", "#000000", ("#FFFFFF", "#F7F7F7", "#EFEFEF"), "#888888", ("#FFFFFF", "#BBBBBB"),
        {kind: ("#FFFFFF", "#000000") if kind in ("op", "view") else _GREY for kind in KINDS}),
}


def between(colors: tuple[str, str], share: float) -> str:
    """A colour on the way from one to another.

    >>> between(("#000000", "#FFFFFF"), 0.5)
    '#808080'
    """
    ends = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(*ends, strict=True))
