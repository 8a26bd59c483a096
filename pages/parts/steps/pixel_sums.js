// Three pictures of the same pixels: the one pointed at is marked in all of them, and its numbers are told.
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector('.sums');
  const element = (kind, name, text) => {
    const made = document.createElement(kind);
    made.className = name;
    if (text) made.textContent = text;
    return made;
  };
  const { width, height } = data;
  // Where the pointer was stays marked while the weights change.
  const place = root.place && root.place.across < width && root.place.down < height
    ? root.place : { across: Math.floor(width / 2), down: Math.floor(height / 2) };
  root.place = place;
  const cells = [], told = element('div', 'told');
  told.setAttribute('aria-live', 'polite');
  const minus = (value) => String(value).replace('-', '−');
  const show = () => {
    for (const cell of cells) {
      Object.assign(cell.style, {
        left: (100 * place.across) / width + '%', top: (100 * place.down) / height + '%',
        width: 100 / width + '%', height: 100 / height + '%',
      });
    }
    const index = place.down * width + place.across;
    const pixel = data.pixels[index], weight = data.weights[index];
    told.textContent = `Row ${place.down + 1}, column ${place.across + 1}: pixel ${minus(pixel)} × weight `
      + `${minus(weight)} = ${minus(Number((pixel * weight).toPrecision(4)))}`;
  };
  const row = element('div', 'row');
  row.tabIndex = 0;
  row.setAttribute('role', 'group');
  row.setAttribute('aria-label', 'Pixel times weight, for each pixel of the image: the arrow keys choose one.');
  data.pictures.forEach((picture, number) => {
    if (number) row.append(element('span', 'sign', data.signs[number - 1]));
    const part = element('div', 'part'), grid = element('div', 'grid'), image = element('img', '');
    const cell = element('div', 'cell');
    image.src = picture;
    image.alt = data.titles[number];
    image.draggable = false;
    cells.push(cell);
    grid.append(image, cell);
    grid.onpointermove = grid.onpointerdown = (event) => {
      const box = grid.getBoundingClientRect();
      const at = (value, n) => Math.min(Math.max(Math.floor(value * n), 0), n - 1);
      place.across = at((event.clientX - box.left) / box.width, width);
      place.down = at((event.clientY - box.top) / box.height, height);
      show();
    };
    part.append(element('div', 'title', data.titles[number]), grid);
    row.append(part);
  });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  row.onkeydown = (event) => {
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    place.across = Math.min(Math.max(place.across + move[0], 0), width - 1);
    place.down = Math.min(Math.max(place.down + move[1], 0), height - 1);
    show();
  };
  root.replaceChildren(row, told);
  show();
}
