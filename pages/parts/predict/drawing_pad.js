// The pad's coordinates run from 0 to 1, whatever its size on the screen.
//
// What is drawn, kept here: the page calls the function below again while somebody draws, and mounts the pad anew when
// something above it has come or gone.
let drawing = null;

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const pad = parentElement.querySelector(".pad");
  const canvas = pad.querySelector("canvas");
  const [undoButton, redoButton, clearButton] = pad.querySelectorAll("button");

  if (!pad.dataset.mounted) {
    pad.dataset.mounted = "yes";
    if (data.drawn && !drawing) setStateValue("pixels", null);
    if (!data.drawn || !drawing) drawing = { states: [[]], at: 0, stroke: null };
  }

  const strokes = () => drawing.states[drawing.at];

  function show() {
    const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)) || 1;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    paint(canvas, drawing.stroke ? [...strokes(), drawing.stroke] : strokes(), data.stroke, data.ink, data.ground);
    undoButton.disabled = drawing.at === 0;
    redoButton.disabled = drawing.at === drawing.states.length - 1;
    clearButton.disabled = strokes().length === 0;
  }

  function go(to) {
    if (to < 0 || to >= drawing.states.length) return;
    drawing.at = to;
    show();
    setStateValue("pixels", strokes().length ? grayPixels(strokes(), data) : null);
  }

  function add(state) {
    drawing.states = [...drawing.states.slice(0, drawing.at + 1), state];
    go(drawing.at + 1);
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function end() {
    if (!drawing.stroke) return;
    const finished = drawing.stroke;
    drawing.stroke = null;
    add([...strokes(), finished]);
  }

  canvas.onpointerdown = (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drawing.stroke = [place(event)];
    show();
  };
  canvas.onpointermove = (event) => {
    if (!drawing.stroke || !event.isPrimary) return;
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    drawing.stroke.push(...(between.length ? between : [event]).map(place));
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

function paint(canvas, strokes, width, ink, ground) {
  const context = canvas.getContext("2d");
  context.setTransform(canvas.width, 0, 0, canvas.height, 0, 0);
  context.fillStyle = ground;
  context.fillRect(0, 0, 1, 1);
  context.strokeStyle = ink;
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  for (const places of strokes) {
    context.beginPath();
    context.moveTo(...places[0]);
    for (const next of places.length > 1 ? places.slice(1) : places) context.lineTo(...next);
    context.stroke();
  }
}

function grayPixels(strokes, data) {
  const small = document.createElement("canvas");
  small.width = small.height = data.pixels;
  paint(small, strokes, data.stroke, "#ffffff", "#000000");
  const values = small.getContext("2d").getImageData(0, 0, data.pixels, data.pixels).data;
  let text = "";
  for (let place = 0; place < values.length; place += 4) text += String.fromCharCode(values[place]);
  return btoa(text);
}
