"""How much memory a process has, while something else goes on."""

import os
import threading

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pid):
    """The resident set of a process at this moment, in bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * PAGE


class Peak:
    """The largest resident set of a process as long as the `with` lasts, looked at a hundred times
    a second."""

    def __init__(self, pid):
        self._pid = pid
        self._over = threading.Event()
        self.before = self.most = resident(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._over.wait(0.01):
            self.most = max(self.most, resident(self._pid))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self.most = max(self.most, resident(self._pid))

    @property
    def growth(self):
        """By how many bytes it was larger than at the beginning."""
        return self.most - self.before
