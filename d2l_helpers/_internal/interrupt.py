"""Ctrl-C, or a notebook's stop button, that waits until it can do no harm."""

import signal
import threading


class Interrupt:
    """A first interrupt waits for `raise_if_it_came` or the end, a second one raises at once; use it in a `with`.

    Python raises KeyboardInterrupt between any two instructions: in the finalizer of an array, where it is
    lost, or on the way out of `autograd.record()`, which then goes on recording.
    """

    def __enter__(self):
        self.came = False
        # Only the main thread hears of signals, and a handler of somebody else's stays as it is.
        self.waits = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self.waits:
            signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, error, *details):
        if self.waits:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None:
            self.raise_if_it_came()

    def _remember(self, number, frame):
        if self.came:
            signal.default_int_handler(number, frame)
        self.came = True

    def raise_if_it_came(self):
        """Raise KeyboardInterrupt, once, for an interrupt that has been waiting."""
        if self.came:
            self.came = False
            raise KeyboardInterrupt
