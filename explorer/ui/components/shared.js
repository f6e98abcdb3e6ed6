// Functions that several components use: Streamlit's state, another page, drawing pictures, the address, instances,
// pointers, keyboard navigation.

const APP = '[data-testid="stApp"]'
const RUN_STATE = "data-test-script-state"
const DROPPED = "explorer-click-dropped" // whether a click on a save button was dropped: the gate keeps it for the editor
const LEAVING = 5000 // milliseconds after which a clicked link has not led to another page
const LINKS = "a[href]:not([target=_blank], [download])"

// Return Streamlit's state of the page's script.
function runState() {
  return document.querySelector(APP)?.getAttribute(RUN_STATE) ?? "notRunning"
}

// Whether another page is loading. Nothing may be sent then: a message from a fragment that the new page removes makes
// Streamlit leave the new page empty. `onStay` is called when no other page has come.
class Departure {
  constructor(onStay) {
    const page = location.pathname
    this.listening = new AbortController()
    const leave = (event) => {
      // Links to this page do not leave it; nor do links to a fragment of it, although they add to the history.
      const leadsAway = (node) => node.matches?.(LINKS) && node.pathname !== page
      if (event.type === "click" ? !event.composedPath().some(leadsAway) : location.pathname === page) return
      clearTimeout(this.begun)
      this.begun = setTimeout(() => { this.begun = null; onStay() }, LEAVING)
    }
    window.addEventListener("popstate", leave, { signal: this.listening.signal })
    document.addEventListener("click", leave, { capture: true, signal: this.listening.signal })
  }

  close() {
    clearTimeout(this.begun)
    this.listening.abort()
  }
}

// Resolve to the decoded image of a data URL, which can be drawn at once.
async function decoded(uri) {
  const image = new Image()
  image.src = uri
  await image.decode()
  return image
}

const cut = document.createElement("canvas")

// Draw a part of a sheet over the whole canvas, with interpolation, because a model's pictures have few pixels. The part is
// copied to a canvas of its own first, or interpolation would mix its edges with its neighbours on the sheet.
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

// A sheet of `count` pictures of one size, row by row, without gaps.
class Sheet {
  constructor(image, columns, count) {
    this.image = image
    this.columns = columns
    this.width = image.naturalWidth / columns
    this.height = image.naturalHeight / Math.ceil(count / columns)
  }

  // Return the height of a canvas of this width that shows one picture undistorted.
  heightOf(width) { return Math.round((width * this.height) / this.width) }

  draw(canvas, index, alpha = 1) {
    const [x, y] = [(index % this.columns) * this.width, Math.floor(index / this.columns) * this.height]
    drawPart(canvas, this.image, x, y, this.width, this.height, alpha)
  }
}

// Set a parameter of the address ("" removes it), by default the edit's token, for links and for reloading the page. If the
// server set it, each change would add to the browser's history, and Back would step through all edits.
function putInAddress(value, name = "s") {
  const address = new URL(location.href)
  if ((address.searchParams.get(name) ?? "") === value) return
  if (value) address.searchParams.set(name, value)
  else address.searchParams.delete(name)
  try { history.replaceState(history.state, "", address) } catch { /* browsers limit the rate of such calls; the next edit sets the address again */ }
}

// Keep a value for later pages of this tab, also after a reload; a browser may forbid this, and then nothing is kept.
function remember(key, value) {
  try { sessionStorage.setItem(key, JSON.stringify(value)) } catch { /* no storage */ }
}

// Return a value that `remember` has kept, or null.
function recall(key) {
  try { return JSON.parse(sessionStorage.getItem(key)) } catch { return null }
}

// Return the instance of a root, made on the first call: the default export runs again with every change of data.
function instanceOf(root, make) {
  if (!root.__instance) root.__instance = make()
  return root.__instance
}

// Return a cleanup function that closes an instance only if its root was removed. Streamlit also calls cleanup functions
// while the component stays: after a call of the default export that newer data has superseded.
function whenGone(root, close) {
  return () => { if (!root.isConnected) close() }
}

// Follow a pointer that is pressed on a node: `follow` gets its position in fractions of the node's sides, also outside the
// node; `done` is called when the pointer is lifted. Only the left button of a mouse counts.
function dragged(node, follow, done = () => {}) {
  const report = (event) => {
    const box = node.getBoundingClientRect()
    follow((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height)
  }
  node.onpointerdown = (event) => {
    if (event.button !== 0) return
    node.setPointerCapture(event.pointerId)
    report(event)
    node.onpointermove = report
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

// Make the buttons in a box one stop of the Tab key: arrow keys move among them, and Tab returns to the last focused one.
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
