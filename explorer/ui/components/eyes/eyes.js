// Where the eyes are: two clicks on a photo under a magnifying glass, or a cross that the arrow keys move and the Enter
// key sets down.

const SAY = [
  "Click on one eye, or move a cross there with the arrow keys (Shift: finely) and press Enter.",
  "Now the other eye.",
  "Thank you.",
]
const STEP = 0.02
const FINE = 0.004
const GLASS = 36 // pixels of the page that fill the glass
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

const percent = ([x, y]) => `${(100 * x).toFixed(1)} % from the left, ${(100 * y).toFixed(1)} % from the top`
const within = (v) => Math.min(1, Math.max(0, v))
const put = (mark, point) => {
  mark.hidden = !point
  if (point) [mark.style.left, mark.style.top] = point.map((v) => `${v * 100}%`)
}

// What is around a point, enlarged, in the upper corner that is farther away.
function magnify(glass, image, point) {
  glass.hidden = !point
  if (!point || !image.naturalWidth) return
  const [x, y] = [point[0] * image.naturalWidth, point[1] * image.naturalHeight]
  const side = (GLASS * image.naturalWidth) / image.getBoundingClientRect().width
  const [context, middle] = [glass.getContext("2d"), glass.width / 2]
  context.clearRect(0, 0, glass.width, glass.height)
  context.imageSmoothingQuality = "high"
  context.drawImage(image, x - side / 2, y - side / 2, side, side, 0, 0, glass.width, glass.height)
  for (const [colour, width] of [["#000", 4], ["#fff", 2]]) {
    context.fillStyle = colour
    context.fillRect(middle - width / 2, 0, width, glass.height)
    context.fillRect(0, middle - width / 2, glass.width, width)
  }
  glass.classList.toggle("right", point[0] < 0.5)
}

// The focus goes back to the button that opened the dialog. Streamlit sees to that too, but where the dialog closes by
// itself the page below is still inert at that moment, and the focus is lost.
function giveBack(button) {
  const opener = document.querySelector(button)
  if (!opener || document.activeElement !== document.body) return
  if (opener.closest("[inert]")) requestAnimationFrame(() => giveBack(button))
  else opener.focus()
}

export default function ({ data, parentElement, setTriggerValue }) {
  const state = instanceOf(parentElement, () => ({ points: [], cross: null }))
  const photo = parentElement.querySelector(".photo")
  const image = parentElement.querySelector("img")
  const glass = parentElement.querySelector(".glass")
  const marks = parentElement.querySelectorAll(".eye")
  const show = () => {
    parentElement.querySelector(".say").textContent = SAY[state.points.length]
    marks.forEach((mark, index) => put(mark, state.points[index]))
    put(parentElement.querySelector(".cross"), state.cross)
    magnify(glass, image, state.cross)
    photo.setAttribute("aria-label", `${image.alt}${state.cross ? `: the cross is ${percent(state.cross)}` : ""}`)
  }
  const place = (point) => {
    if (state.points.length === 2) return
    state.points.push(point)
    if (state.points.length === 2) setTriggerValue("placed", state.points.flat())
    show()
  }
  const pointed = (event) => {
    const box = image.getBoundingClientRect()
    return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)]
  }
  if (!data) return undefined
  if (image.getAttribute("src") !== data.uri) image.src = data.uri
  image.alt = data.alt
  photo.style.setProperty("--aspect", data.aspect)
  photo.onkeydown = (event) => {
    const way = WAYS[event.key]
    if (!way) return
    event.preventDefault()
    event.stopPropagation()
    const step = event.shiftKey ? FINE : STEP
    state.cross = (state.cross ?? [0.5, 0.5]).map((v, i) => within(v + step * way[i]))
    show()
  }
  // By finger the place is where it is lifted, so that it can be sought under the glass. Other buttons of a mouse place none.
  photo.onpointerdown = (event) => { photo.setPointerCapture(event.pointerId); magnify(glass, image, pointed(event)) }
  photo.onpointermove = (event) => magnify(glass, image, pointed(event))
  photo.onpointerleave = () => magnify(glass, image, null)
  photo.onpointerup = (event) => {
    if (event.button !== 0) return
    state.cross = null
    place(pointed(event))
  }
  photo.onclick = (event) => {
    if (event.detail) return // a button is also clicked by Enter, Space, and readers of the screen
    if (state.cross) return place([...state.cross])
    state.cross = [0.5, 0.5]
    show()
  }
  show()
  return () => requestAnimationFrame(() => giveBack(`.st-key-${data.opener} button`))
}
