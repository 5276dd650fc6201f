"""What has no gradient on purpose is no mistake: teachers, target networks, averages, statistics, frozen layers.

The same programs with the block in the wrong place are told, with the line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd import nn
from tinygrad_gd.study.diagnosis import MISTAKE

X, Y = np.random.default_rng(0).normal(size=(8, 4)), np.random.default_rng(1).normal(size=(8, 2))
ACTIONS, ROWS = np.array([0, 1] * 4), np.arange(8)
Program = Callable[[], tuple[Any, ...]]
HEALTHY: dict[str, Program] = {}
FAULTY: dict[str, Program] = {}


def healthy(program: Program) -> Program:
    """It returns a loss and what is learned, and what must stay alive, as in a script, to be found."""
    HEALTHY[program.__name__] = program
    return program


def faulty(program: Program) -> Program:
    """The line at fault ends in ``# <-``."""
    FAULTY[program.__name__] = program
    return program


def network() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def learn(loss: Any, *models: Any, lr: float = 0.1) -> None:
    optimizer = tg.optim.SGD([p for m in models for p in m.parameters()], lr=lr)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@healthy
def distillation() -> Any:
    student, teacher = network(), network()
    with tg.no_grad():
        soft = tg.softmax(teacher(X) / 2.0, axis=-1)
    loss = -(soft * tg.log_softmax(student(X) / 2.0, axis=-1)).sum(axis=-1).mean()
    loss.backward()
    return loss, student, teacher


@healthy
def distillation_by_detach() -> Any:
    student, teacher = network(), network()
    loss = nn.mse_loss(student(X), teacher(X).detach())
    loss.backward()
    return loss, student, teacher


@healthy
def distillation_inside_of_a_model() -> Any:
    class Both(nn.Module):
        def __init__(self) -> None:
            self.student, self.teacher = network(), network()

        def forward(self, x: Any) -> Any:
            with tg.no_grad():
                target = self.teacher(x)
            return nn.mse_loss(self.student(x), target)

    both = Both()
    loss = both(X)
    loss.backward()
    return loss, both.student, both


@healthy
def target_network() -> Any:
    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    with tg.no_grad():
        goal = Y[:, 0] + 0.99 * target(X).max(axis=1)
    loss = nn.mse_loss(online(X)[ROWS, ACTIONS], goal)
    learn(loss, online)
    return loss, online, target


@healthy
def average_as_a_teacher() -> Any:
    class Both(nn.Module):
        def __init__(self) -> None:
            self.online, self.average = network(), network()

    both = Both()
    for _ in range(2):
        with tg.no_grad():
            target = both.average(X)
        loss = nn.mse_loss(both.online(X + 0.1), target)
        learn(loss, both)
        with tg.no_grad():
            for p, q in zip(both.average.parameters(), both.online.parameters(), strict=True):
                p.assign(0.9 * p + 0.1 * q)
    return loss, both


@healthy
def quantized_vectors() -> Any:
    encoder, decoder = nn.Linear(4, 3), nn.Linear(3, 4)
    code = tg.Tensor(np.random.default_rng(2).normal(size=(5, 3)), requires_grad=True, name="code")
    z = encoder(X)
    distances = ((z.detach()[:, None, :] - code.detach()[None]) ** 2).sum(axis=2)
    e = code[distances.argmin(axis=1)]
    passed = z + (e - z).detach()
    loss = (nn.mse_loss(decoder(passed), X) + ((e - z.detach()) ** 2).mean()
            + 0.25 * ((z - e.detach()) ** 2).mean())
    loss.backward()
    return loss, nn.ModuleList([encoder, decoder]), code


@healthy
def straight_through() -> Any:
    layer = nn.Linear(4, 2)
    h = layer(X)
    with tg.no_grad():
        hard = tg.sign(h)
    loss = ((h + (hard - h).detach() - Y) ** 2).mean()
    loss.backward()
    return loss, layer


@healthy
def frozen_backbone() -> Any:
    model = network()
    model[0].requires_grad_(False)
    loss = nn.mse_loss(model(X), Y)
    loss.backward()
    return loss, model


@healthy
def only_the_head_is_trained() -> Any:
    backbone, head = network(), nn.Linear(2, 2)
    with tg.no_grad():
        features = backbone(X)
    loss = nn.mse_loss(head(features), Y)
    learn(loss, head)
    return loss, head, backbone


@healthy
def statistics_of_the_input() -> Any:
    model, x = network(), tg.Tensor(X)
    with tg.no_grad():
        mean, std = x.mean(axis=0), x.std(axis=0)
    loss = nn.mse_loss(model((x - mean) / std), Y)
    loss.backward()
    return loss, model


@healthy
def an_advantage() -> Any:
    policy, value = network(), nn.Linear(4, 1)
    with tg.no_grad():
        advantage = Y[:, 0] - value(X)[:, 0]
    loss = -(tg.log_softmax(policy(X), axis=1)[:, 0] * advantage).mean()
    loss.backward()
    return loss, policy, value


@healthy
def validation_between_steps() -> Any:
    model = network()
    for _ in range(2):
        loss = nn.mse_loss(model(X), Y)
        learn(loss, model)
        with tg.no_grad():
            nn.mse_loss(model(X), Y)
    return loss, model


@healthy
def one_half_of_two_that_play() -> Any:
    maker, judge = nn.Linear(4, 4), nn.Linear(4, 1)
    with tg.no_grad():
        fake = maker(X)
    loss = ((judge(X) - 1) ** 2).mean() + (judge(fake) ** 2).mean()
    learn(loss, judge)
    return loss, judge, maker


@faulty
def student_under_no_grad() -> Any:
    student, teacher = network(), network()
    with tg.no_grad():
        prediction = student(X)  # <-
    loss = nn.mse_loss(prediction, teacher(X))
    loss.backward()
    return None, student


@faulty
def both_under_no_grad() -> Any:
    student = network()
    with tg.no_grad():
        prediction = student(X)  # <-
        loss = nn.mse_loss(prediction, Y)
    return loss, student


@faulty
def target_network_learns() -> Any:
    online, target = network(), network()
    value = online(X)[ROWS, ACTIONS].detach()  # <-
    loss = nn.mse_loss(value, Y[:, 0] + 0.99 * target(X).max(axis=1))
    learn(loss, online)
    return None, online


@faulty
def nothing_passes_the_quantization() -> Any:
    encoder, decoder = nn.Linear(4, 3), nn.Linear(3, 4)
    z = encoder(X)
    passed = z.detach() + (tg.sign(z) - z).detach()  # <-
    loss = nn.mse_loss(decoder(passed), X)
    loss.backward()
    return loss, nn.ModuleList([encoder, decoder])


@faulty
def backbone_under_no_grad() -> Any:
    backbone, head = network(), nn.Linear(2, 2)
    with tg.no_grad():
        features = backbone(X)  # <-
    loss = nn.mse_loss(head(features), Y)
    learn(loss, backbone, head)
    return loss, nn.ModuleList([backbone, head])


@faulty
def value_under_no_grad() -> Any:
    policy, value = network(), nn.Linear(4, 1)
    with tg.no_grad():
        v = value(X)[:, 0]  # <-
    loss = -(tg.log_softmax(policy(X), axis=1)[:, 0] * (Y[:, 0] - v)).mean() + ((v - Y[:, 0]) ** 2).mean()
    loss.backward()
    return None, nn.ModuleList([policy, value])


def watched(program: Program) -> tuple[Any, ...]:
    tg.manual_seed(0)
    with tg.study.watch():
        return program()


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_meant_to_have_no_gradient_is_not_told(name: str) -> None:
    loss, model, *kept = watched(HEALTHY[name])
    for found in (loss.why(), model.why()):
        assert [c for c in found.causes if c.kind != "unread"] == [], found
        assert "None" not in found.about and "Nothing wrong was found" in str(found)
    assert all(p.grad is not None for p in model.parameters()) or "average" in name or "frozen" in name
    del kept


@pytest.mark.parametrize("name", FAULTY)
def test_the_same_in_the_wrong_place_is_told_with_its_line(name: str) -> None:
    loss, model = watched(FAULTY[name])
    lines, start = inspect.getsourcelines(FAULTY[name])
    line = f"test_why_of_targets.py:{next(start + n for n, text in enumerate(lines) if '# <-' in text)}"
    for found in (model.why(), *([loss.why()] if loss is not None else [])):
        cause = found.causes[0]
        assert cause.weight >= MISTAKE and cause.kind in ("no_grad", "detach") and cause.line == line, found


def test_a_teacher_that_is_asked_about_is_told() -> None:
    _, _, teacher = watched(distillation)
    cause = teacher.why().causes[0]
    assert cause.kind == "no_grad" and "teacher" not in cause.says
    assert all(p.why().causes[0].kind == "no_grad" for p in teacher.parameters())


def test_another_model_of_the_same_names_is_not_taken_for_a_new_tensor() -> None:
    _, _, teacher = watched(distillation_by_detach)
    assert teacher.why().causes[0].kind == "detach"


def test_layers_behind_one_another_under_no_grad_are_told_once() -> None:
    loss, _ = watched(both_under_no_grad)
    assert [c.says for c in loss.why().causes[:1]] == [
        "prediction was computed by linear under tg.no_grad(), which records nothing."]
    assert len({c.line for c in loss.why().causes}) == len(loss.why().causes)
