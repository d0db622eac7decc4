# SPDX-License-Identifier: Apache-2.0
"""From the library's log records to Python's logging, or to any callable."""

from __future__ import annotations

import json
import logging
from typing import Any, Callable, Dict, Union

from . import _bindings as b
from ._ffi import copy

Sink = Callable[[int, Dict[str, Any]], None]
Log = Union[bool, logging.Logger, Sink]

# Library levels as levels of the logging module.
LEVELS = {
    b.HR_LOG_ERROR: logging.ERROR,
    b.HR_LOG_WARN: logging.WARNING,
    b.HR_LOG_INFO: logging.INFO,
    b.HR_LOG_DEBUG: logging.DEBUG,
}


def sink_for(log: Log) -> Sink:
    """What to do with a record: log it on a logger (True: the one named "hedgerouter"), or hand it to a callable."""
    if log is True:
        log = logging.getLogger("hedgerouter")
    if not isinstance(log, logging.Logger):
        if not callable(log):
            raise TypeError(f"log must be True, a logging.Logger or a callable, not {type(log).__name__}")
        return log
    logger = log

    def write(level: int, record: Dict[str, Any]) -> None:
        if logger.isEnabledFor(level):
            logger.log(level, "%s", json.dumps(record, ensure_ascii=False), extra={"hedgerouter": record})

    return write


def callback_for(log: Log) -> Any:
    """A C callback that feeds `log`; the caller keeps it alive until the router is freed.

    It runs on the library's own threads. An exception in it goes to sys.unraisablehook.
    """
    sink = sink_for(log)

    def receive(level: int, record: int, size: int, _: int) -> None:
        sink(LEVELS.get(level, logging.DEBUG), json.loads(copy(record, size)))

    return b.hr_log_callback(receive)


def record_callback_for(receive_record: Callable[[bytes], None]) -> Any:
    """A C callback that feeds attempt logs to `receive_record`; the caller keeps it alive until the router is freed."""

    def receive(record: int, size: int, _: int) -> None:
        receive_record(copy(record, size))

    return b.hr_record_callback(receive)


def library_level(level: Union[int, str]) -> int:
    """The library's level for a level of the logging module, by number or name."""
    if isinstance(level, str):
        known = logging.getLevelName(level.upper())
        if not isinstance(known, int):
            raise ValueError(f"log_level: there is no level named '{level}'")
        level = known
    for number, python in sorted(LEVELS.items(), reverse=True):
        if level <= python:
            return number
    return b.HR_LOG_ERROR
