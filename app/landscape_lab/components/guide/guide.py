"""The guide above the landscape: a preset's question, or a step of a guided tour."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from landscape_lab.bridge.jupyter import Messages
from landscape_lab.content.tour import Tour, step_of
from landscape_lab.state.show_steps import ShowStep

PARTS = ("../signals.js", "guide_pointer.js", "guide.js")
"""Its JavaScript files, joined in this order to one module."""


class GuideModel(Messages, JSComponent):
    """Its browser model."""

    _esm = "\n".join(Path(__file__).parent.joinpath(part).read_text("utf-8") for part in PARTS)

    tours = param.List(doc="name, title, summary, level, minutes, steps and error of each tour")

    on_message: Callable[[dict[str, Any]], None]

    def _handle_msg(self, data: dict[str, Any]) -> None:
        self.on_message(data)


class Guide:
    """A preset's question and answer, or a guided tour."""

    def __init__(
        self,
        tours: Mapping[str, Tour],
        opened: Callable[[str], None],
        moved: Callable[[str, int], None],
        labs: Callable[[], None] = lambda: None,
        lab: Callable[[str], None] = lambda _: None,
        shows: Mapping[str, Callable[..., None]] | None = None,
    ) -> None:
        """An empty guide.

        Args:
            tours: the tours in the list.
            opened: called with the link of a step on entering it, if it has one.
            moved: called with the tour and the step number, from 1; ("", 0) on leaving the tour.
            labs: called when the user asks for the labs.
            lab: called with the link of the lab that the preset names.
            shows: what is called of a "Show me": `begin` with its steps, `act` with the number of
                the step that the browser has pointed at, and `stop`.
        """
        self._tours, self._opened, self._moved = tours, opened, moved
        self._labs, self._lab = labs, lab
        self._demonstrated = shows or {}
        self._steps: dict[str, tuple[ShowStep, ...]] = {"preset": (), "tour": ()}
        self._pointing: dict[str, Any] | None = None
        self._words: dict[str, Any] = {}
        self._preset: dict[str, Any] = {"question": "", "watch": "", "shows": "", "lab": None}
        self.shown: dict[str, Any] = dict(self._preset)
        self.view = GuideModel(
            tours=[tour.words() for tour in tours.values()], sizing_mode="stretch_width"
        )
        self.view.on_message = self._on_message

    def show_preset(
        self,
        question: str,
        watch: str,
        shows: str,
        lab: tuple[str, str] | None = None,
        steps: tuple[ShowStep, ...] = (),
    ) -> None:
        """Set the preset's texts; they are shown after an open tour is closed.

        Args:
            question: to think about.
            watch: what to look at.
            shows: the answer, folded until it is requested.
            lab: the words of a button, and the link of the lab that it opens.
            steps: those of its "Show me", if there is one.
        """
        self._steps["preset"] = steps
        self._preset = {"question": question, "watch": watch, "shows": shows, "lab": lab}
        self._preset |= {"demonstrates": bool(steps)}
        if not self.shown.get("tour"):
            self._show(self._preset)

    def point_at(self, step: dict[str, Any] | None) -> None:
        """Point at the control of a step of a "Show me"; None: show the texts again."""
        self._pointing = step
        self._show(self._words)

    def tour(self, name: str, step: int = 1, *, opening: bool = True) -> None:
        """Show a step of a tour, counted from 1.

        Args:
            name: the tour's name.
            step: the step's number.
            opening: whether to apply the step's settings too; a link with its own settings has
                applied those already.

        Raises:
            SpecError: no such tour, one that cannot be read, or no such step.
        """
        entered, tour = step_of(self._tours, name, step), self._tours[name]
        words = {"title": entered.title, "html": entered.html, "answer": entered.answer_html,
                 "exercise": entered.exercise_html, "solution": entered.solution_html,
                 "demonstrates": bool(entered.show)}  # fmt: skip
        self._steps["tour"] = entered.show
        heads = [each.title for each in tour.steps]
        self._show({"tour": name, "of": tour.title, "step": step, "heads": heads, **words})
        self._moved(name, step)
        if opening and entered.link is not None:
            self._opened(entered.link)

    def opens(self, name: str, step: int) -> bool:
        """Whether a step has settings of its own, or a lab."""
        return step_of(self._tours, name, step).link is not None

    @property
    def asks(self) -> bool:
        """Whether a step of a tour with a question is shown."""
        return bool(self._words.get("tour")) and 'class="question"' in self._words["html"]

    def close_tour(self) -> None:
        """Close the tour and show the preset's texts."""
        self._show(self._preset)

    def _show(self, words: dict[str, Any]) -> None:
        self._words = words
        if self._pointing is not None:
            words = {**words, "pointing": self._pointing}
        if words != self.shown:
            self.shown = words
            self.view._send_msg(words)

    def _on_message(self, data: dict[str, Any]) -> None:
        if data["action"] == "ready":  # a browser has come, or come back
            self.view._send_msg(self.shown)
        elif data["action"] == "tour":
            self.tour(data["name"], int(data["step"]))
        elif data["action"] == "labs":
            self._labs()
        elif data["action"] == "lab":
            self._lab(data["link"])
        elif data["action"] in ("show", "act", "stop"):
            self._demonstrate(data["action"], data.get("at"))
        elif data["action"] == "close":
            self.close_tour()
            self._moved("", 0)

    def _demonstrate(self, action: str, at: int | None) -> None:
        """Begin the "Show me" of what is shown, do one of its steps, or stop it."""
        if action == "show":
            self._demonstrated["begin"](self._steps["tour" if self.shown.get("tour") else "preset"])
        elif action == "act":
            self._demonstrated["act"](int(at or 0))
        else:
            self._demonstrated["stop"]()
