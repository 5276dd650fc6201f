"""How a model shows itself; a base of Module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..optim.optimizer import Optimizer
    from ..study.diagnosis import Diagnosis
    from ..study.flow import Flow


class Looks:
    """What a Module shows of itself, by windows that are opened only when asked for."""

    def why(self: Any, loss: Any = None) -> Diagnosis:
        """Why gradients of its parameters are None, 0, NaN, shrink or grow: causes and cures.

        What was derived is known if the run was watched, with ``tg.study.watch()``; else give it as
        ``loss``.
        """
        from ..study.diagnosis import why_of_model

        return why_of_model(self, loss)

    def flow(self: Any, *inputs: Any, optimizer: Optimizer | None = None) -> Flow:
        """Which gradient arrived at each layer, after ``loss.backward()``: a table, in words, a plot.

        With inputs also what the activations give, with an optimizer how far its next step goes.
        """
        from ..study.flow import flow

        return flow(self, *inputs, optimizer=optimizer)
