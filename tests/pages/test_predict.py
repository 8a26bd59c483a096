import io
import re

import numpy as np
import pytest
from PIL import Image

from digitcore.images.pictures import read_picture
from digitcore.runs import Engine
from digitcore.wording import article
from pages.parts import session, shared
from tests.pages.conftest import button, texts, widget


@pytest.fixture
def predict(trained):
    return trained.switch_page("pages/predict.py").run()


@pytest.fixture
def predict_mlp(trained_mlp):
    return trained_mlp.switch_page("pages/predict.py").run()


def run_of(app):
    return shared.engine().run(app.session_state["spec"].digest)


def said(app):
    """The class and the percentage that the model names."""
    found = re.search(r"The model says \*\*(\d)\*\* (?:> )?([\d.]+) % sure", texts(app))
    return int(found.group(1)), float(found.group(2))


def png_of(gray):
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def one():
    """A photo of a thick stroke, dark on light."""
    gray = np.full((200, 200), 230, np.uint8)
    gray[30:170, 85:120] = 20
    return gray


@pytest.mark.parametrize("index", [0, 123])
def test_an_image_of_the_data_is_judged_as_in_the_run(predict, index):
    widget(predict.number_input, "Index").set_value(index).run()
    assert not predict.exception
    probabilities = session.arrays_of(run_of(predict))["probabilities.test"][index]
    assert said(predict) == (probabilities.argmax(), pytest.approx(100 * probabilities.max(), abs=0.06))
    truth = session.split_of(run_of(predict).spec).test.labels[index]
    assert (
        "and is right" if probabilities.argmax() == truth else f"but it is {article(str(truth))} **{truth}**"
    ) in texts(predict)


def test_another_part_has_images_of_its_own(predict_mlp):
    widget(predict_mlp.selectbox, "Part").set_value("train").run()
    assert "Image 1234 of the train part" in texts(predict_mlp)


def test_an_image_of_the_whole_data_set_is_found_by_its_index(predict_mlp):
    widget(predict_mlp.selectbox, "Part").set_value("all").run()
    run, shown = run_of(predict_mlp), texts(predict_mlp)
    data = session.dataset("digits")
    part, index = session.parts_of(run).locate(1234)
    name = str(data.labels[1234])
    assert f"Image 1234 of the data set (image {index} of the {part.name} part), {article(name)} {name}" in shown
    probabilities = session.arrays_of(run)[f"probabilities.{part.name}"][index]
    assert said(predict_mlp) == (probabilities.argmax(), pytest.approx(100 * probabilities.max(), abs=0.06))


def test_an_image_of_a_part_is_named_by_its_place_in_the_data_set(predict_mlp):
    widget(predict_mlp.number_input, "Index").set_value(7).run()
    index = session.parts_of(run_of(predict_mlp)).test.indices[7]
    assert f"Image 7 of the test part (image {index} of the data set)" in texts(predict_mlp)


def test_an_image_that_the_run_left_out_is_said_to_be(open_app, train):
    app = train(open_app(model="softmax", epochs="2", max_train="100")).switch_page("pages/predict.py").run()
    split = session.parts_of(run_of(app))
    widget(app.selectbox, "Part").set_value("all").run()
    left_out = next(index for index in range(1797) if split.locate(index) is None)
    widget(app.number_input, "Index").set_value(left_out).run()
    assert f"Image {left_out} of the data set (not used by this run)" in texts(app)


def test_a_change_of_the_image_changes_the_answer_and_can_be_undone(predict):
    before = said(predict)
    widget(predict.slider, "Rotate (°)").set_value(90.0).run()
    assert said(predict) != before
    button(predict, "Undo all changes").click().run()
    assert said(predict) == before


def test_the_reasons_are_those_that_the_model_allows(predict):
    softmax = run_of(predict).spec.model == "softmax"
    assert ("**Contributions**" in texts(predict)) == softmax
    assert ("**Occlusion**" in texts(predict)) == ("**Gradient**" in texts(predict)) == (not softmax)


def test_the_image_stands_beside_its_maps(predict):
    softmax = run_of(predict).spec.model == "softmax"
    described = [image.proto.imgs[0].alt for image in predict.get_by_key("predict_why").image]
    assert described[0] == "The image that is explained"
    assert len(described) == (2 if softmax else 3)


def test_several_runs_judge_the_same_image(predict_mlp, open_app, train):
    other = train(open_app(model="mlp", epochs="4"))
    digest = other.session_state["spec"].digest
    predict_mlp.multiselect[0].set_value([digest]).run()
    table = predict_mlp.dataframe[0].value
    index = int(widget(predict_mlp.number_input, "Index").value)
    assert table["prediction"].tolist() == [
        str(session.arrays_of(shared.engine().run(each))["probabilities.test"][index].argmax())
        for each in (run_of(predict_mlp).digest, digest)
    ]


def test_a_picture_is_cleaned_up_step_by_step(predict_mlp, one):
    predict_mlp.segmented_control(key="image_source").set_value("photo").run()
    predict_mlp.file_uploader[0].set_value(("one.png", png_of(one), "image/png")).run()
    assert not predict_mlp.exception
    for words in ("Grey", "Inverted, paper removed", "Slant removed", "Counted in 8 × 8 blocks"):
        assert words in texts(predict_mlp)
    assert "Your picture, as the model sees it: 8 × 8 pixels" in texts(predict_mlp)
    assert said(predict_mlp)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no picture", "not a picture that can be read"),
        (png_of(np.full((9, 9), 200, np.uint8)), "Nothing stands out"),
    ],
)
def test_a_file_that_is_of_no_use_gets_one_sentence(predict_mlp, content, words):
    predict_mlp.segmented_control(key="image_source").set_value("photo").run()
    predict_mlp.file_uploader[0].set_value(("one.png", content, "image/png")).run()
    assert not predict_mlp.exception
    assert words in texts(predict_mlp)


def test_a_drawing_is_judged(predict_mlp):
    predict_mlp.segmented_control(key="image_source").set_value("draw").run()
    assert "The model says" not in texts(predict_mlp)
    assert "Draw a digit with the mouse" in texts(predict_mlp)
    predict_mlp.session_state["drawing_pad"] = {"strokes": [[400, 200, 500, 100, 500, 900]]}
    predict_mlp.run()
    assert not predict_mlp.exception
    assert "Your drawing, as the model sees it" in texts(predict_mlp)
    assert said(predict_mlp)


@pytest.mark.parametrize(
    "sent",
    ["A" * 10_000_000, 7, ["A"], [[1, 2, 3]], [[0.5, 0.5]], [[1, 2] * 5000], {"x": 1}, float("nan")],
    ids=lambda sent: str(sent)[:12],
)
def test_a_forged_drawing_ends_in_one_sentence(predict_mlp, sent):
    predict_mlp.segmented_control(key="image_source").set_value("draw").run()
    predict_mlp.session_state["drawing_pad"] = {"strokes": sent}
    predict_mlp.run()
    assert not predict_mlp.exception
    assert "A drawing must be 1 to 200 strokes of 4000 points in all" in texts(predict_mlp)
    assert "The model says" not in texts(predict_mlp)


def test_a_picture_is_read_once_however_often_the_page_runs(predict_mlp, one, monkeypatch):
    reads = []
    monkeypatch.setattr(
        session, "read_picture", lambda *given, **limits: reads.append(given) or read_picture(*given, **limits)
    )
    predict_mlp.segmented_control(key="image_source").set_value("photo").run()
    for content in (png_of(one), b"no picture"):
        predict_mlp.file_uploader[0].set_value(("one.png", content, "image/png")).run()
        predict_mlp.run()
    assert [given[0] for given in reads] == [png_of(one), b"no picture"]
    assert "not a picture that can be read" in texts(predict_mlp)


def test_a_picture_of_too_many_pixels_is_refused(predict_mlp, monkeypatch):
    small = shared.engine().settings.model_copy(update={"max_upload_megapixels": 0.01})
    monkeypatch.setattr(Engine, "settings", property(lambda engine: small))
    predict_mlp.segmented_control(key="image_source").set_value("photo").run()
    predict_mlp.file_uploader[0].set_value(("one.png", png_of(np.zeros((101, 101), np.uint8)), "image/png")).run()
    assert not predict_mlp.exception
    assert "more than 0.01 million pixels" in texts(predict_mlp).replace("\\", "")
