"""The streams of a call, by split: opened where data do not fit into memory, closed at its end."""

from collections.abc import Callable
from types import TracebackType
from typing import final

from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.streamed_loss import StreamedLoss
from landscape_core.models.streams import Pair, Stream

NOTHING = (
    "left out, as nothing is read batch by batch here: data that are in memory already, an"
    " objective=, directions or statistics that are computed from all data"
)


@final
class OpenStreams:
    """The losses over streams by split, and whether streaming was `asked` for.

    None: where data do not fit into memory of which it is known how many they are.
    """

    def __init__(self, asked: object = None) -> None:
        """None opened yet.

        Raises:
            SpecError: neither True nor False nor None.
        """
        if asked is not None and not isinstance(asked, bool):
            accepted = "True, False, or None: where the data do not fit into memory"
            raise SpecError("stream", asked, accepted)
        self.asked, self.losses = asked, dict[str, StreamedLoss]()

    def __enter__(self) -> "OpenStreams":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for loss in self.losses.values():
            loss.stream.close()

    def open(
        self,
        split: str,
        stream: Stream,
        make: Callable[[Pair], ModelObjective],
    ) -> ModelObjective:
        """The objective of a stream's first batch, of whose loss is known how it goes on.

        Raises:
            SpecError: what `make` raises, or a loss that needs all examples at once.
        """
        try:
            template = make(stream.first())
            self.losses[split] = StreamedLoss.of(template, stream)
        except BaseException:
            stream.close()
            raise
        return template

    def check(self) -> None:
        """Refuse that streaming was asked for where nothing is streamed.

        Raises:
            SpecError: it was.
        """
        if self.asked and not self.losses:
            raise SpecError("stream", self.asked, NOTHING)
