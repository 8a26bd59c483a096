"""What a visitor without a browser can send in place of a drawing, to a real server."""

import base64
import io
import json
import re
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

pytestmark = pytest.mark.browser
RERUN_FOLLOWS = 2
DRAWING = [[500, 200, 500, 800]]
REFUSED = "A drawing must be 1 to 200 strokes"
ANSWER = "The model says"


class Visitor:
    """One browser tab, without the browser."""

    def __init__(self, socket, page):
        self.socket, self.page, self.query, self.states, self.elements = socket, page, "", {}, []
        self.run()

    def run(self, *triggers):
        """Let the page run with what the widgets say; gather its elements."""
        message = BackMsg()
        message.rerun_script.page_name = self.page
        message.rerun_script.query_string = self.query
        message.rerun_script.widget_states.widgets.extend([*self.states.values(), *triggers])
        self.socket.send(message.SerializeToString())
        self.elements = []
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self.socket.recv(timeout=60))
            if answer.WhichOneof("type") == "delta":
                self.elements.append(answer.delta.new_element)
            finished = answer.WhichOneof("type") == "script_finished" and not answer.metadata.run.fragment_ids
            if finished and answer.script_finished != RERUN_FOLLOWS:
                return

    def find(self, kind, label=""):
        found = [getattr(each, kind) for each in self.elements if each.WhichOneof("type") == kind]
        return [each for each in found if not label or each.label == label]

    def texts(self):
        return "\n".join(each.body for each in (*self.find("markdown"), *self.find("alert")))

    def set(self, widget, **value):
        self.states[widget.id] = WidgetState(id=widget.id, **value)
        self.run()


@contextmanager
def visit(server, page="predict"):
    address = f"{server.url.replace('http', 'ws')}/_stcore/stream"
    options = {"subprotocols": ["streamlit"], "max_size": None, "compression": None}
    with connect(address, origin=server.url, **options) as socket:
        yield Visitor(socket, page)


@pytest.fixture
def visitor(server):
    """A visitor of the Predict page, where a run can be chosen."""
    with visit(server) as visitor:
        if not visitor.find("button_group", "Image"):
            train(server)
            visitor.run()
        yield visitor


@pytest.fixture
def pad(visitor):
    """A visitor who has chosen to draw; ``draw`` sends what the pad would."""
    (source,) = visitor.find("button_group", "Image")
    visitor.set(source, string_array_value={"data": ["Draw"]})
    (pad,) = [each for each in visitor.find("bidi_component") if "digit_pad" in each.component_name]
    visitor.draw = lambda text: visitor.set(pad, json_value=text)
    return visitor


def train(server):
    with visit(server, "") as visitor:
        visitor.query = "model=softmax&epochs=3"
        visitor.run()
        visitor.run(WidgetState(id=visitor.find("button", "Train")[0].id, trigger_value=True))
        visitor.page = "predict"
        deadline = time.monotonic() + 60
        while not visitor.find("button_group", "Image"):
            assert time.monotonic() < deadline, "the training did not end"
            time.sleep(0.5)
            visitor.run()


def picture_bomb():
    """A PNG file of 64 megapixels, as text of a quarter of a megabyte."""
    buffer = io.BytesIO()
    Image.new("RGB", (8000, 8000)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def status(server, name):
    """A figure of the server's process, in bytes."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return 1000 * int(re.search(rf"{name}:\s*(\d+)", text).group(1))


BOMB = picture_bomb()
FORGED = {
    "picture bomb": json.dumps({"strokes": BOMB}),
    "picture bomb as other pads send it": json.dumps({"drawing": {"data": BOMB}, "strokes": 0}),
    "long text": json.dumps({"strokes": "A" * 900_000}),
    "a stroke as text": json.dumps({"strokes": ["1, 2, 3, 4"]}),
    "too many points": json.dumps({"strokes": [[1, 2] * 4001]}),
    "too many strokes": json.dumps({"strokes": [[1, 2]] * 201}),
    "far away": json.dumps({"strokes": [[10**9, 2]]}),
    "a number of a thousand digits": '{"strokes": [[%s, 2]]}' % ("9" * 1000),
    "half a place": json.dumps({"strokes": [[1, 2, 3]]}),
    "a number": json.dumps({"strokes": 7}),
    "not a number": '{"strokes": [[NaN, 1]]}',
    "truth": json.dumps({"strokes": [[True, True]]}),
    "many empty lists": json.dumps({"strokes": [[]] * 200_000}),
    "a mapping": json.dumps({"strokes": {"strokes": DRAWING}}),
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_forged_drawing_ends_in_one_sentence_and_takes_no_memory(server, pad, text):
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the peak begins anew
    before = status(server, "VmRSS")
    pad.draw(text)
    assert status(server, "VmHWM") - before < 60_000_000
    assert pad.texts().count(REFUSED) == 1
    assert ANSWER not in pad.texts()
    assert not pad.find("exception")
    pad.draw(json.dumps({"strokes": DRAWING}))
    assert ANSWER in pad.texts()


@pytest.mark.parametrize("text", ["[1]", "null", "{}", '{"other": 1}'])
def test_what_holds_no_drawing_is_an_empty_pad(server, pad, text):
    pad.draw(text)
    assert ANSWER not in pad.texts()
    assert not pad.find("alert")
    assert not pad.find("exception")


def test_a_message_of_more_than_a_megabyte_ends_the_connection(server, pad):
    with pytest.raises(ConnectionClosed):
        pad.draw(json.dumps({"strokes": "A" * 1_100_000}))
    with visit(server) as other:
        assert other.find("button_group", "Image")


@pytest.mark.parametrize(
    "text", ["no JSON", '{"strokes":' + "[" * 400_000 + "]" * 400_000 + "}"], ids=["words", "nested"]
)
def test_what_cannot_be_parsed_harms_nobody_else(server, pad, text):
    pad.draw(text)
    assert ANSWER not in pad.texts()
    with visit(server) as other:
        assert ANSWER in other.texts()
