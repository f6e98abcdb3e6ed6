// Two clicks on a photo, under a magnifying glass, place the eyes; by keyboard, arrow keys move a cross and Enter places it.

const SAY = [
  matchMedia("(pointer: coarse)").matches
    ? "Touch one eye and lift the finger on it."
    : "Click on one eye, or move a cross there with the arrow keys (Shift: finely) and press Enter.",
  "Now the other eye.",
  "Thank you.",
]
const STEP = 0.02
const FINE = 0.004
const GLASS = 36 // CSS pixels of the photo that the magnifying glass shows
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

const percent = ([x, y]) => `${(100 * x).toFixed(1)} % from the left, ${(100 * y).toFixed(1)} % from the top`
const within = (v) => Math.min(1, Math.max(0, v))
const put = (mark, point) => {
  mark.hidden = !point
  if (point) [mark.style.left, mark.style.top] = point.map((v) => `${v * 100}%`)
}

// Show the surroundings of a point, enlarged, in the upper corner that is farther away from it.
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

// Return the focus to the button that opened the dialog. Streamlit does so too, but if the server closes the dialog the
// page below is still inert at that moment, and the focus is lost.
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
    const found = state.points.length ? [] : data.found
    const rings = found.length ? " The rings mark the eyes used now." : ""
    parentElement.querySelector(".say").textContent = SAY[state.points.length] + rings
    marks.forEach((mark, index) => {
      mark.classList.toggle("found", index < found.length)
      put(mark, state.points[index] ?? found[index])
    })
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
  // A touch places the eye where it is lifted, so that the glass can be used first. Only the left mouse button places one.
  photo.onpointerdown = (event) => { photo.setPointerCapture(event.pointerId); magnify(glass, image, pointed(event)) }
  photo.onpointermove = (event) => magnify(glass, image, pointed(event))
  photo.onpointerleave = () => magnify(glass, image, null)
  photo.onpointerup = (event) => {
    if (event.button !== 0) return
    state.cross = null
    place(pointed(event))
  }
  photo.onclick = (event) => {
    if (event.detail) return // a pointer; Enter, Space and screen readers have detail 0
    if (state.cross) return place([...state.cross])
    state.cross = [0.5, 0.5]
    show()
  }
  show()
  const gone = whenGone(parentElement, () => giveBack(`.st-key-${data.opener} button`))
  return () => requestAnimationFrame(gone)
}
