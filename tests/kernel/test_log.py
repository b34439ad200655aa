import io
import json
import logging
from collections.abc import Iterator

import pytest

from guahao.kernel import log


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log.configure()
    yield stream
    root.handlers, root.level = handlers, level


def read(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_only_listed_fields_are_logged(lines: io.StringIO) -> None:
    log.logger().info("booked", count=1, name="王小明", phone="13800138000")

    (line,) = read(lines)
    assert line.keys() == {"event", "count", "level", "timestamp"}


def test_a_line_keeps_of_what_it_tells_whose_and_which(lines: io.StringIO) -> None:
    log.logger().warning("money-unclear", provider="wechat_pay", kind="refund", id="0190", number="1")

    (line,) = read(lines)
    told = {name: line.get(name) for name in ("provider", "kind", "id", "number")}
    assert told == {"provider": "wechat_pay", "kind": "refund", "id": "0190", "number": None}


def test_an_error_is_logged_without_its_text(lines: io.StringIO) -> None:
    try:
        int("110101199003071233x")
    except ValueError:
        log.logger().exception("failed")

    (line,) = read(lines)
    assert line["error"] == "ValueError"
    assert "1101011990" not in lines.getvalue()


def test_a_librarys_message_is_not_repeated(lines: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task exception: phone 13800138000")

    (line,) = read(lines)
    assert (line["event"], line["logger"]) == ("library-message", "asyncio")
    assert "13800138000" not in lines.getvalue()
