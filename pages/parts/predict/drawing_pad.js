// A place on the pad is two whole numbers from 0 to data.units, whatever the pad's size on the screen. The page gets the
// strokes and draws them itself, as wide as suits their size; what is seen here is for the eye only.
//
// What is drawn, kept here: the page calls the function below again while somebody draws, and mounts the pad anew when
// something above it has come or gone.
let drawing = null;

// Places nearer than this share of the pad's side to the one before say nothing.
const NEAR = 0.004;

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const pad = parentElement.querySelector(".pad");
  const canvas = pad.querySelector("canvas");
  const [undoButton, redoButton, clearButton] = pad.querySelectorAll("button");

  if (!pad.dataset.mounted) {
    pad.dataset.mounted = "yes";
    if (data.drawn && !drawing) setStateValue("strokes", null);
    if (!data.drawn || !drawing) drawing = { states: [[]], at: 0, stroke: null };
  }

  const strokes = () => drawing.states[drawing.at];

  function show() {
    const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)) || 1;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    paint(canvas, drawing.stroke ? [...strokes(), drawing.stroke] : strokes(), data);
    undoButton.disabled = drawing.at === 0;
    redoButton.disabled = drawing.at === drawing.states.length - 1;
    clearButton.disabled = strokes().length === 0;
  }

  function go(to) {
    if (to < 0 || to >= drawing.states.length) return;
    drawing.at = to;
    show();
    setStateValue("strokes", strokes().length ? thinned(strokes(), data.mostPoints).map((stroke) => stroke.flat()) : null);
  }

  function add(state) {
    drawing.states = [...drawing.states.slice(0, drawing.at + 1), state];
    go(drawing.at + 1);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const shares = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return shares.map((share) => Math.round(data.units * Math.min(Math.max(share, 0), 1)));
  }

  function lengthen(to) {
    const [x, y] = drawing.stroke.at(-1);
    if (Math.hypot(to[0] - x, to[1] - y) >= NEAR * data.units) drawing.stroke.push(to);
  }

  function end() {
    if (!drawing.stroke) return;
    const finished = drawing.stroke;
    drawing.stroke = null;
    add([...strokes(), finished]);
  }

  canvas.onpointerdown = (event) => {
    if (!event.isPrimary || event.button !== 0 || strokes().length >= data.mostStrokes) return;
    canvas.setPointerCapture(event.pointerId);
    drawing.stroke = [place(event)];
    show();
  };
  canvas.onpointermove = (event) => {
    if (!drawing.stroke || !event.isPrimary) return;
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    (between.length ? between : [event]).map(place).forEach(lengthen);
    show();
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => event.isPrimary && end();

  const undo = () => go(drawing.at - 1);
  const redo = () => go(drawing.at + 1);
  const clear = () => strokes().length && add([]);
  undoButton.onclick = undo;
  redoButton.onclick = redo;
  clearButton.onclick = clear;
  pad.onkeydown = (event) => {
    const command = event.ctrlKey || event.metaKey;
    const letter = event.key.toLowerCase();
    let act = null;
    if (command && letter === "z") act = event.shiftKey ? redo : undo;
    else if (command && letter === "y") act = redo;
    else if (!command && (event.key === "Delete" || event.key === "Backspace")) act = clear;
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  const watcher = new ResizeObserver(show);
  watcher.observe(canvas);
  show();
  return () => watcher.disconnect();
}

// Leaves out every second place, but for a stroke's first and last, until no more are left than the page takes.
function thinned(strokes, most) {
  const count = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  if (count <= most) return strokes;
  return thinned(
    strokes.map((stroke) => stroke.filter((_, index) => index % 2 === 0 || index === stroke.length - 1)),
    most
  );
}

function paint(canvas, strokes, data) {
  const context = canvas.getContext("2d");
  context.setTransform(canvas.width / data.units, 0, 0, canvas.height / data.units, 0, 0);
  context.fillStyle = data.ground;
  context.fillRect(0, 0, data.units, data.units);
  context.strokeStyle = data.ink;
  context.lineWidth = data.pen * data.units;
  context.lineCap = context.lineJoin = "round";
  for (const places of strokes) {
    context.beginPath();
    context.moveTo(...places[0]);
    for (const next of places.length > 1 ? places.slice(1) : places) context.lineTo(...next);
    context.stroke();
  }
}
