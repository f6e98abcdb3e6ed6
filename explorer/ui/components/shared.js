// Shared by the components: pictures as bitmaps, and drawing them large.

// Decode a data address; resolves to an image that draws at once, without an empty frame between.
async function decoded(uri) {
  const image = new Image()
  image.src = uri
  await image.decode()
  return image
}

const cut = document.createElement("canvas")

// Draw a part of a sheet over the whole canvas, smoothly: a model's pixels are few, their grid should not show. The part
// is cut out first, for smoothing would mix its edges with what lies next to it on the sheet.
function drawPart(canvas, image, x, y, width, height, alpha = 1) {
  if (cut.width !== width) cut.width = width
  if (cut.height !== height) cut.height = height
  cut.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height)
  const context = canvas.getContext("2d")
  context.imageSmoothingEnabled = true
  context.imageSmoothingQuality = "high"
  context.globalAlpha = alpha
  context.drawImage(cut, 0, 0, width, height, 0, 0, canvas.width, canvas.height)
  context.globalAlpha = 1
}

// The same for a sheet of one line.
function drawTile(canvas, image, column = 0, columns = 1, alpha = 1) {
  const width = image.naturalWidth / columns
  drawPart(canvas, image, column * width, 0, width, image.naturalHeight, alpha)
}

// The edit in the address, or by its name what else a page is at ("" for nothing), for links and for loading the page
// anew. The server could put it there too, but each time as a new step of the browser's history: Back would lead through
// all edits before it leaves the page.
function putInAddress(value, name = "s") {
  const address = new URL(location.href)
  if ((address.searchParams.get(name) ?? "") === value) return
  if (value) address.searchParams.set(name, value)
  else address.searchParams.delete(name)
  try { history.replaceState(history.state, "", address) } catch { /* so often is not allowed: the next edit will be in it */ }
}

// The state of an instance lives on its own root: the default export runs again with every change of data.
function instanceOf(root, make) {
  if (!root.__instance) root.__instance = make()
  return root.__instance
}

// The clean-up of an instance, once its component is gone. Streamlit also calls it while the component lives on: after a
// call of the default export that newer data has overtaken.
function whenGone(root, close) {
  return () => { if (!root.isConnected) close() }
}

// The hand on a node: `follow` gets where it is while it is down, as fractions of the node's sides, also where it has left
// the node; `done` is called when it lifts. Of a mouse the left button alone: the others open a menu, or scroll.
function dragged(node, follow, done = () => {}) {
  const told = (event) => {
    const box = node.getBoundingClientRect()
    follow((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height)
  }
  node.onpointerdown = (event) => {
    if (event.button !== 0) return
    node.setPointerCapture(event.pointerId)
    told(event)
    node.onpointermove = told
  }
  node.onpointerup = node.onpointercancel = () => {
    if (!node.onpointermove) return
    node.onpointermove = null
    done()
  }
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

// Many buttons as one stop of the Tab key: arrows walk among them, the last one used is where Tab comes back to.
function oneStop(box) {
  const buttons = () => [...box.querySelectorAll("button:not([disabled])")]
  const stop = (chosen) => { for (const b of buttons()) b.tabIndex = b === chosen ? 0 : -1 }
  stop(box.querySelector('[tabindex="0"], [aria-pressed="true"], [aria-current="true"]') ?? buttons()[0])
  if (box.dataset.oneStop) return
  box.dataset.oneStop = "yes"
  box.addEventListener("focusin", (event) => stop(event.target))
  box.onkeydown = (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    const from = event.target.getBoundingClientRect()
    if (!way) return
    event.preventDefault()
    const ahead = buttons().map((button) => {
      const to = button.getBoundingClientRect()
      const [x, y] = [to.left - from.left, to.top - from.top]
      const [along, across] = [x * way[0] + y * way[1], Math.abs(x * way[1]) + Math.abs(y * way[0])]
      return { button, along, far: along + 4 * across }
    }).filter((b) => b.along > 2)
    ahead.sort((a, b) => a.far - b.far)[0]?.button.focus()
  }
}
