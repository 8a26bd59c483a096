// Three pictures of the same pixels: the one pointed at is marked in all of them, and its numbers are told.
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector('.sums');
  // Made once: while a training goes on, whoever moves with the arrow keys keeps the focus.
  if (!root.sums) root.sums = build(root);
  root.sums.update(data);
}

const element = (kind, name, text) => {
  const made = document.createElement(kind);
  made.className = name;
  if (text) made.textContent = text;
  return made;
};
const minus = (value) => String(value).replaceAll('-', '\u2212');

function build(root) {
  let data = { width: 1, height: 1, pixels: [0], weights: [0] };
  const place = { across: -1, down: -1 };
  const parts = [], signs = [];
  const told = element('div', 'told');
  told.setAttribute('aria-live', 'polite');
  const row = element('div', 'row');
  row.tabIndex = 0;
  row.setAttribute('role', 'group');
  row.setAttribute('aria-label', 'Pixel times weight, for each pixel of the image: the arrow keys choose one.');

  const show = () => {
    const { width, height } = data;
    for (const { cell } of parts) {
      Object.assign(cell.style, {
        left: (100 * place.across) / width + '%', top: (100 * place.down) / height + '%',
        width: 100 / width + '%', height: 100 / height + '%',
      });
    }
    const index = place.down * width + place.across;
    const pixel = data.pixels[index], weight = data.weights[index];
    const product = Number((pixel * weight).toPrecision(4));
    told.textContent = `Row ${place.down + 1}, column ${place.across + 1}: pixel ${minus(pixel)} \u00d7 weight `
      + `${minus(weight)} = ${minus(product)}`;
  };
  for (let number = 0; number < 3; number += 1) {
    if (number) {
      signs.push(element('span', 'sign'));
      row.append(signs[number - 1]);
    }
    const part = { title: element('div', 'title'), image: element('img', ''), cell: element('div', 'cell') };
    const whole = element('div', 'part'), grid = element('div', 'grid');
    part.image.draggable = false;
    grid.append(part.image, part.cell);
    grid.onpointermove = grid.onpointerdown = (event) => {
      const box = grid.getBoundingClientRect();
      const at = (value, n) => Math.min(Math.max(Math.floor(value * n), 0), n - 1);
      place.across = at((event.clientX - box.left) / box.width, data.width);
      place.down = at((event.clientY - box.top) / box.height, data.height);
      show();
    };
    whole.append(part.title, grid);
    row.append(whole);
    parts.push(part);
  }
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  row.onkeydown = (event) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    place.across = Math.min(Math.max(place.across + move[0], 0), data.width - 1);
    place.down = Math.min(Math.max(place.down + move[1], 0), data.height - 1);
    show();
  };
  root.replaceChildren(row, told);
  return {
    update(next) {
      data = next;
      // Where the pointer was stays marked while the weights change.
      if (place.across < 0 || place.across >= data.width || place.down >= data.height) {
        place.across = Math.floor(data.width / 2);
        place.down = Math.floor(data.height / 2);
      }
      parts.forEach((part, number) => {
        part.title.textContent = data.titles[number];
        part.image.alt = data.titles[number];
        part.image.src = data.pictures[number];
      });
      signs.forEach((sign, number) => { sign.textContent = data.signs[number]; });
      show();
    },
  };
}
